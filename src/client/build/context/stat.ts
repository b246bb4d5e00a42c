/** What the daemon is told of an entry of the context: fsutil's Stat, from an lstat. */
import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import { XattrFiles, type Xattrs } from '../../../host/xattr.ts';
import { filePath } from './bytes.ts';

/** Bits of Go's os.FileMode, which fsutil sends. */
export const GoMode = {
  dir: 0x8000_0000,
  symlink: 0x0800_0000,
  device: 0x0400_0000,
  fifo: 0x0200_0000,
  socket: 0x0100_0000,
  setuid: 0x0080_0000,
  setgid: 0x0040_0000,
  charDevice: 0x0020_0000,
  sticky: 0x0010_0000,
  type: 0x8f28_0000,
  permissions: 0o777,
} as const;

export interface FileStat {
  /** Relative to the root, as a byte string. */
  readonly path: string;
  /** Go's os.FileMode. */
  readonly mode: number;
  readonly size: number;
  /** Nanoseconds since 1970; may be negative. */
  readonly modTime: bigint;
  /** The target of a symlink, or the first path of a hard link: a byte string, empty for none. */
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
  /** Extended attributes (file capabilities among them) of an entry that has any. */
  readonly xattrs?: Xattrs | undefined;
}

const S_IFMT = 0o170000;

/** The mode bits of Go for those of stat(2). Sockets lose their type: archives have none for them. */
export function toGoMode(mode: number): number {
  let go = mode & GoMode.permissions;
  if (mode & 0o4000) go |= GoMode.setuid;
  if (mode & 0o2000) go |= GoMode.setgid;
  if (mode & 0o1000) go |= GoMode.sticky;
  switch (mode & S_IFMT) {
    case 0o040000:
      go |= GoMode.dir;
      break;
    case 0o120000:
      go |= GoMode.symlink;
      break;
    case 0o010000:
      go |= GoMode.fifo;
      break;
    case 0o060000:
      go |= GoMode.device;
      break;
    case 0o020000:
      go |= GoMode.device | GoMode.charDevice;
      break;
  }
  return go >>> 0;
}

/** Whether the daemon may ask for the content: a regular file, or a socket that lost its type. */
export function isRegular(mode: number): boolean {
  return (mode & GoMode.type) === 0;
}

export function isDirectory(mode: number): boolean {
  return (mode & GoMode.dir) !== 0;
}

/** Reads the stats of entries of one tree and finds the hard links among them. */
export class StatReader {
  readonly #root: string;
  readonly #xattrs: XattrFiles;
  readonly #firstPath = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
    this.#xattrs = new XattrFiles(root);
  }

  /** Throws the system's error. */
  read(path: string): FileStat {
    const file = filePath(this.#root, path);
    const stats = lstatSync(file, { bigint: true });
    const mode = toGoMode(Number(stats.mode));
    const directory = isDirectory(mode);
    let linkname = directory ? '' : this.#hardLink(stats, path);
    if (mode & GoMode.symlink) linkname = readlinkSync(file, 'latin1');
    const device = (mode & GoMode.device) !== 0 ? Number(stats.rdev) : 0;
    return {
      path,
      mode,
      size: directory ? 0 : Number(stats.size),
      modTime: stats.mtimeNs,
      linkname,
      devmajor: (device >> 8) & 0xfff,
      devminor: (device & 0xff) | ((device >> 12) & 0xf_ff00),
      xattrs: this.#xattrs.read(path),
    };
  }

  #hardLink(stats: BigIntStats, path: string): string {
    if (stats.nlink <= 1n) return '';
    const inode = `${stats.dev}:${stats.ino}`;
    const first = this.#firstPath.get(inode);
    if (first !== undefined) return first;
    this.#firstPath.set(inode, path);
    return '';
  }
}
