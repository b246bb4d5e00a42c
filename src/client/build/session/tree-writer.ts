/** Writes a tree of files that somebody else describes, without ever leaving its directory. */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { mkfifo, mknod } from '../../../host/libc.ts';
import { XattrFiles, type Xattrs } from '../../../host/xattr.ts';
import { toBytes } from '../context/bytes.ts';
import { GoMode } from '../context/stat.ts';

/** Files at once that wait for their content: the daemon answers in order, a few at a time. */
interface OpenTarget {
  readonly path: string;
  readonly mode: number;
  readonly modTime: bigint;
  readonly xattrs: Xattrs | undefined;
  descriptor: number | undefined;
}

/** The type bits that mknod(2) takes. */
const CHARACTER_DEVICE = 0o020000;
const BLOCK_DEVICE = 0o060000;

export class TreeWriter {
  readonly #root: string;
  /** Directories that were described or found to be real ones: only below them anything is written. */
  readonly #directories = new Set<string>(['.']);
  readonly #times: { readonly path: string; readonly mode: number; readonly modTime: bigint }[] = [];
  #attributes: XattrFiles | undefined;
  readonly #files = new Map<number, OpenTarget>();
  /** What is no directory, by path. */
  readonly #written = new Set<string>();

  constructor(root: string) {
    mkdirSync(root, { recursive: true });
    this.#root = root;
  }

  directory(path: string, mode: number, modTime: bigint, xattrs?: Xattrs): void {
    const target = this.#target(path);
    if (!isRealDirectory(target)) {
      rmSync(target, { force: true });
      mkdirSync(target, { mode: 0o700 });
    } else chmodSync(target, 0o700);
    this.#directories.add(path);
    this.#setAttributes(path, xattrs);
    // Last of all: what is written inside would change the time, and a mode without `w` would be in the way.
    this.#times.push({ path: target, mode, modTime });
  }

  symlink(path: string, target: string, modTime: bigint): void {
    const link = this.#replace(path);
    symlinkSync(target, link);
    this.#written.add(path);
    const time = toTime(modTime);
    lutimesSync(link, time, time);
  }

  hardLink(path: string, first: string): void {
    if (!this.#written.has(first)) {
      throw new K3cError(Code.INVALID_ARGUMENT, `invalid link ${path} to unknown path ${JSON.stringify(first)}`);
    }
    linkSync(join(this.#root, first), this.#replace(path));
    this.#written.add(path);
  }

  /** A FIFO, or a device node, which only root may make. */
  special(path: string, mode: number, modTime: bigint, major: number, minor: number): void {
    const file = this.#replace(path);
    if (mode & GoMode.fifo) mkfifo(file, 0o600);
    else mknod(file, (mode & GoMode.charDevice ? CHARACTER_DEVICE : BLOCK_DEVICE) | 0o600, major, minor);
    chmodSync(file, toSystemMode(mode));
    utimesSync(file, toTime(modTime), toTime(modTime));
    this.#written.add(path);
  }

  /** A regular file whose content follows under this number. */
  open(id: number, path: string, mode: number, modTime: bigint, xattrs?: Xattrs): void {
    this.#files.set(id, { path, mode, modTime, xattrs, descriptor: undefined });
    const { O_WRONLY, O_CREAT, O_EXCL } = constants;
    // Made at once, so that hard links to it can follow; opened again when its content comes.
    closeSync(openSync(this.#replace(path), O_WRONLY | O_CREAT | O_EXCL, 0o600));
    this.#written.add(path);
  }

  write(id: number, data: Buffer): void {
    const descriptor = this.#descriptor(id);
    for (let at = 0; at < data.length; ) at += writeSync(descriptor, data, at, data.length - at);
  }

  /** The content of a file is complete. */
  close(id: number): void {
    const descriptor = this.#descriptor(id);
    const file = this.#files.get(id) as OpenTarget;
    this.#files.delete(id);
    const time = toTime(file.modTime);
    // After the content: writing takes a file's capabilities away.
    this.#setAttributes(file.path, file.xattrs);
    fchmodSync(descriptor, toSystemMode(file.mode));
    futimesSync(descriptor, time, time);
    closeSync(descriptor);
  }

  /** Everything is written: modes and times of the directories, innermost first. */
  finish(): void {
    for (const { path, mode, modTime } of this.#times.reverse()) {
      chmodSync(path, toSystemMode(mode));
      utimesSync(path, toTime(modTime), toTime(modTime));
    }
  }

  /** Takes away what was there before and was not sent now, so that the directory is a mirror of what was. */
  removeOthers(): Promise<void> {
    return this.#removeOthersIn('.');
  }

  /** Not synchronous as the rest is: there may be any number of files. */
  async #removeOthersIn(directory: string): Promise<void> {
    const parent = join(this.#root, directory);
    for (const entry of await readdir(parent, { withFileTypes: true, encoding: 'latin1' })) {
      const name = Buffer.from(entry.name, 'latin1');
      const path = posix.join(directory, name.toString('utf8'));
      if (this.#directories.has(path) && entry.isDirectory()) await this.#removeOthersIn(path);
      else if (!this.#written.has(path)) {
        await rm(Buffer.concat([Buffer.from(`${parent}/`), name]), { recursive: true, force: true });
      }
    }
  }

  /** Closes what is open. What was written stays: the directory is the user's. */
  abort(): void {
    for (const { descriptor } of this.#files.values()) if (descriptor !== undefined) closeSync(descriptor);
    this.#files.clear();
  }

  /** As far as this user and this file system take them, like the owners; overlayfs' own never. */
  #setAttributes(path: string, xattrs: Xattrs | undefined): void {
    for (const [name, value] of xattrs ?? []) {
      if (name.startsWith('trusted.')) continue;
      this.#attributes ??= new XattrFiles(this.#root);
      this.#attributes.set(toBytes(path), name, value);
    }
  }

  #descriptor(id: number): number {
    const file = this.#files.get(id);
    if (file === undefined) throw new K3cError(Code.INVALID_ARGUMENT, `invalid file request ${id}`);
    file.descriptor ??= openSync(join(this.#root, file.path), constants.O_WRONLY | constants.O_NOFOLLOW);
    return file.descriptor;
  }

  /** The path in the file system, with whatever was there taken away. */
  #replace(path: string): string {
    const target = this.#target(path);
    rmSync(target, { force: true, recursive: true });
    return target;
  }

  #target(path: string): string {
    if (
      path === '' ||
      path === '.' ||
      path.startsWith('/') ||
      posix.normalize(path) !== path ||
      /^\.\.(\/|$)/.test(path)
    ) {
      throw new K3cError(Code.INVALID_ARGUMENT, `the builder sent an invalid path ${JSON.stringify(path)}`);
    }
    if (!this.#directories.has(posix.dirname(path))) {
      throw new K3cError(Code.INVALID_ARGUMENT, `the builder sent ${JSON.stringify(path)} before its directory`);
    }
    return join(this.#root, path);
  }
}

function isRealDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** chmod's bits of Go's os.FileMode. */
function toSystemMode(mode: number): number {
  let bits = mode & GoMode.permissions;
  if (mode & GoMode.setuid) bits |= 0o4000;
  if (mode & GoMode.setgid) bits |= 0o2000;
  if (mode & GoMode.sticky) bits |= 0o1000;
  return bits;
}

/** What utimes takes: seconds exact to a fifth of a microsecond; before 1970 a date, since node takes negative numbers for now. */
function toTime(nanoseconds: bigint): number | Date {
  return nanoseconds < 0n ? new Date(Number(nanoseconds / 1_000_000n)) : Number(nanoseconds / 1000n) / 1e6;
}
