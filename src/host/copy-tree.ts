/**
 * Copies a tree with owners, modes, times, links and extended attributes into one that may have files of its own, and that
 * others may change meanwhile: every step is taken from an open directory by one name that is not followed, and what a file
 * gets, it gets by its descriptor. So nothing outside of the target is written, whatever is swapped in there.
 */
import { constants, type Stats } from 'node:fs';
import {
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
import { join, relative } from 'node:path';
import { inDirectory, O_PATH, ofHandle } from './descriptor-path.ts';
import { setXattr } from './libc.ts';
import { XattrFiles } from './xattr.ts';

/** A file gets its own name when it is whole; an interrupted copy leaves at most one of these in a directory. */
const HALF = '.k3c-copying';

const { COPYFILE_FICLONE, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

interface Copy {
  readonly from: string;
  readonly xattrs: XattrFiles;
}

/**
 * Copies what is in a directory into one that exists, which gets the owner, mode and times of the source. What is there already
 * stays as it is, so that a copy that was interrupted at any moment can be done again: it is the same in the end. Where the
 * source is no directory nothing happens. Device nodes, FIFOs and sockets are left out.
 *
 * @param from must not change meanwhile
 * @param to may change: a link in it is never followed, and what somebody else makes first stays
 */
export async function copyTree(from: string, to: string): Promise<void> {
  const info = await lstatOptional(from);
  if (info?.isDirectory() !== true) return;
  await using target = await open(to, O_RDONLY | O_DIRECTORY);
  await copyDirectory({ from, xattrs: new XattrFiles(from) }, from, info, target);
}

async function copyDirectory(copy: Copy, from: string, info: Stats, to: FileHandle): Promise<void> {
  await removeHalf(inDirectory(to, HALF));
  for (const name of await readdir(from)) await copyEntry(copy, join(from, name), to, name);
  // Of a directory that is there its own attributes are set once more: an interrupted copy may not have come to that.
  await to.chown(info.uid, info.gid);
  await setAttributes(copy, from, info, to);
}

async function copyEntry(copy: Copy, source: string, to: FileHandle, name: string): Promise<void> {
  const info = await lstat(source);
  if (info.isDirectory()) {
    const handle = await openDirectory(to, name);
    if (handle === undefined) return;
    await using directory = handle;
    await copyDirectory(copy, source, info, directory);
  } else if ((await lstatOptional(inDirectory(to, name))) !== undefined) {
    // A whole copy, or somebody's own.
  } else if (info.isSymbolicLink()) {
    await copyLink(source, info, to, name);
  } else if (info.isFile()) {
    await copyContent(copy, source, info, to, name);
  }
}

/** The directory of this name, made where there is nothing; undefined where somebody has something else there. */
async function openDirectory(to: FileHandle, name: string): Promise<FileHandle | undefined> {
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
async function copyLink(source: string, info: Stats, to: FileHandle, name: string): Promise<void> {
  const half = inDirectory(to, HALF);
  await symlink(await readlink(source), half);
  try {
    await using made = await open(half, O_PATH | O_NOFOLLOW);
    if (!(await made.stat()).isSymbolicLink()) return;
    await chown(ofHandle(made), info.uid, info.gid);
    await utimes(ofHandle(made), info.atime, info.mtime);
    await giveName(to, name);
  } finally {
    await removeHalf(half);
  }
}

async function copyContent(copy: Copy, source: string, info: Stats, to: FileHandle, name: string): Promise<void> {
  const half = inDirectory(to, HALF);
  await using made = await open(half, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    // The owner first: copyFile sets the mode, and nobody may run a set-id program as another user meanwhile.
    await made.chown(info.uid, info.gid);
    await copyFile(source, ofHandle(made), COPYFILE_FICLONE);
    await setAttributes(copy, source, info, made);
    await giveName(to, name);
  } finally {
    await removeHalf(half);
  }
}

/** Never replaces what has the name by now: link(2) fails then, where rename(2) would not. */
async function giveName(to: FileHandle, name: string): Promise<void> {
  const [half, target] = [inDirectory(to, HALF), inDirectory(to, name)];
  try {
    await link(half, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
    // A file system without hard links.
    if ((await lstatOptional(target)) === undefined) await rename(half, target);
  }
}

/** After the owner: chown takes set-id bits and capabilities away. */
async function setAttributes({ from, xattrs }: Copy, source: string, info: Stats, to: FileHandle): Promise<void> {
  await to.chmod(info.mode & 0o7777);
  const path = Buffer.from(relative(from, source) || '.', 'utf8').toString('latin1');
  // Capabilities and what users have set; labels of SELinux are the target's own.
  for (const [name, value] of xattrs.read(path) ?? []) {
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

async function lstatOptional(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
