/**
 * Copies a tree with owners, modes, times, links, nodes and extended attributes into one that may have files of its own, and that
 * others may change meanwhile: every step is taken from an open directory by one name that is not followed, and what a file
 * gets, it gets by its descriptor. So nothing outside of the target is written, whatever is swapped in there.
 */
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  chown,
  copyFile,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';
import { CopiedLinks, type CopiedPath, fileAt } from './copied-links.ts';
import { inDirectory, O_PATH, ofHandle } from './descriptor-path.ts';
import { mknod, setXattr } from './libc.ts';
import { XattrFiles } from './xattr.ts';

/** A file gets its own name when it is whole; an interrupted copy leaves at most one of these in a directory. */
const HALF = '.k3c-copying';

const { COPYFILE_FICLONE, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY, S_IFMT } = constants;

const SLASH = Buffer.from('/');

/** What link(2) says on a file system without hard links, and at the most that a file may have. */
const NO_HARD_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

interface Copy {
  readonly from: Buffer;
  readonly xattrs: XattrFiles;
  readonly links: CopiedLinks;
}

/** One entry of the source. A name is what the kernel has, which need not be UTF-8. */
interface Entry {
  readonly info: Stats;
  /** Below the root of the copy; empty for the root itself. */
  readonly path: CopiedPath;
}

/**
 * Copies what is in a directory into one that exists, which gets the owner, mode and times of the source. What is there already
 * stays as it is, so that a copy that was interrupted at any moment can be done again: it is the same in the end. Where the
 * source is no directory nothing happens. Sockets are left out, and device nodes where this process may not make any.
 *
 * @param from must not change meanwhile
 * @param to may change: a link in it is never followed, and what somebody else makes first stays
 */
export async function copyTree(from: string, to: string): Promise<void> {
  const info = await lstatOptional(from);
  if (info?.isDirectory() !== true) return;
  await using target = await open(to, O_RDONLY | O_DIRECTORY);
  const copy: Copy = { from: Buffer.from(from), xattrs: new XattrFiles(from), links: new CopiedLinks(target) };
  await copyDirectory(copy, { info, path: [] }, target);
}

async function copyDirectory(copy: Copy, { info, path }: Entry, to: FileHandle): Promise<void> {
  await removeHalf(inDirectory(to, HALF));
  const names = await readdir(sourceOf(copy, path), { encoding: 'buffer' });
  for (const name of names) await copyEntry(copy, [...path, name], to, name);
  // Of a directory that is there its own attributes are set once more: an interrupted copy may not have come to that.
  await to.chown(info.uid, info.gid);
  await setAttributes(copy, { info, path }, to);
}

async function copyEntry(copy: Copy, path: CopiedPath, to: FileHandle, name: Buffer): Promise<void> {
  const info = await lstat(sourceOf(copy, path));
  const entry = { info, path };
  if (info.isDirectory()) {
    const handle = await openDirectory(to, name);
    if (handle === undefined) return;
    await using directory = handle;
    await copyDirectory(copy, entry, directory);
    return;
  }
  const source = info.nlink > 1 ? await fileAt(sourceOf(copy, path)) : undefined;
  const target = inDirectory(to, name);
  const there = await lstatOptional(target);
  if (there !== undefined) {
    // A whole copy, or somebody's own, which is no other file of the image.
    if (source !== undefined && isCopyOf(there, info)) copy.links.remember(source, await fileAt(target), path);
    return;
  }
  const half = inDirectory(to, HALF);
  try {
    if (source !== undefined && (await copy.links.link(source, half, removeHalf))) {
      await giveName(half, target);
    } else if (await makeHalf(copy, entry, half)) {
      const file = source === undefined ? '' : await fileAt(half);
      if ((await giveName(half, target)) && source !== undefined) copy.links.remember(source, file, path);
    }
  } finally {
    await removeHalf(half);
  }
}

function sourceOf({ from }: Copy, path: CopiedPath): Buffer {
  return Buffer.concat([from, ...path.flatMap((name) => [SLASH, name])]);
}

function isCopyOf(there: Stats, { mode, uid, gid, size, mtimeMs }: Stats): boolean {
  const same = there.mode === mode && there.uid === uid && there.gid === gid && there.size === size;
  return same && Math.abs(there.mtimeMs - mtimeMs) < 1;
}

/** False for what is not copied. */
async function makeHalf(copy: Copy, entry: Entry, half: string): Promise<boolean> {
  const { info } = entry;
  if (info.isFile()) await copyContent(copy, entry, half);
  else if (info.isSymbolicLink()) return copyLink(copy, entry, half);
  else if (info.isFIFO() || info.isCharacterDevice() || info.isBlockDevice()) return copyNode(info, half);
  else return false;
  return true;
}

/** The directory of this name, made where there is nothing; undefined where somebody has something else there. */
async function openDirectory(to: FileHandle, name: Buffer): Promise<FileHandle | undefined> {
  const path = inDirectory(to, name);
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    return await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Not a directory, a link to one among them; or taken away this moment.
    if (code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Its attributes go to the link that is open, which nobody can swap for a file between two calls. */
async function copyLink(copy: Copy, { info, path }: Entry, half: string): Promise<boolean> {
  await symlink(await readlink(sourceOf(copy, path), { encoding: 'buffer' }), half);
  await using made = await open(half, O_PATH | O_NOFOLLOW);
  if (!(await made.stat()).isSymbolicLink()) return false;
  await chown(ofHandle(made), info.uid, info.gid);
  await utimes(ofHandle(made), info.atime, info.mtime);
  return true;
}

/** A FIFO or a device, which is never opened but as a place: that would wait, or act. */
async function copyNode(info: Stats, half: string): Promise<boolean> {
  try {
    mknod(half, info.mode & ~0o7777, majorOf(info.rdev), minorOf(info.rdev));
  } catch (error) {
    // Not in a user namespace, nor without CAP_MKNOD.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return false;
    throw error;
  }
  await using made = await open(half, O_PATH | O_NOFOLLOW);
  const { mode, rdev } = await made.stat();
  if ((mode & S_IFMT) !== (info.mode & S_IFMT) || rdev !== info.rdev) return false;
  await chown(ofHandle(made), info.uid, info.gid);
  await chmod(ofHandle(made), info.mode & 0o7777);
  await utimes(ofHandle(made), info.atime, info.mtime);
  return true;
}

/** The two halves of a device's number (makedev(3)). */
function majorOf(device: number): number {
  return Number((BigInt(device) >> 8n) & 0xfffn);
}

function minorOf(device: number): number {
  return Number((BigInt(device) & 0xffn) | ((BigInt(device) >> 12n) & 0xfff00n));
}

async function copyContent(copy: Copy, entry: Entry, half: string): Promise<void> {
  const { info, path } = entry;
  await using made = await open(half, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  // The owner first: copyFile sets the mode, and nobody may run a set-id program as another user meanwhile.
  await made.chown(info.uid, info.gid);
  await copyFile(sourceOf(copy, path), ofHandle(made), COPYFILE_FICLONE);
  await setAttributes(copy, entry, made);
}

/** Never replaces what has the name by now: link(2) fails then, where rename(2) would not. False when somebody has it. */
async function giveName(half: string, target: Buffer): Promise<boolean> {
  try {
    await link(half, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === undefined || !NO_HARD_LINKS.has(code)) throw error;
    if ((await lstatOptional(target)) !== undefined) return false;
    await rename(half, target);
  }
  return true;
}

/** After the owner: chown takes set-id bits and capabilities away. */
async function setAttributes({ xattrs }: Copy, { info, path }: Entry, to: FileHandle): Promise<void> {
  await to.chmod(info.mode & 0o7777);
  const bytes = path.map((name) => name.toString('latin1')).join('/') || '.';
  // Capabilities and what users have set; labels of SELinux are the target's own.
  for (const [name, value] of xattrs.read(bytes) ?? []) {
    // Where the file system has none of them the files go without, as with cp.
    if (name === 'security.capability' || name.startsWith('user.')) setXattr(to.fd, name, value);
  }
  await to.utimes(info.atime, info.mtime);
}

/** By unlink(2) alone: Node's rm would go into what was swapped for a directory. */
async function removeHalf(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function lstatOptional(path: string | Buffer) {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
