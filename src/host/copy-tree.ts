/** Copies a tree with owners, modes, times, links and extended attributes into one that may have files of its own. */
import { constants } from 'node:fs';
import {
  chmod,
  copyFile,
  lchown,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { join, relative } from 'node:path';
import { XattrFiles } from './xattr.ts';

/** A file gets its own name when it is whole; an interrupted copy leaves at most one of these in a directory. */
const HALF = '.k3c-copying';

interface Copy {
  readonly from: string;
  readonly to: string;
  readonly source: XattrFiles;
  readonly target: XattrFiles;
}

/**
 * Copies what is in a directory into one that exists, which gets the owner, mode and times of the source. What is there already
 * stays as it is, so that a copy that was interrupted at any moment can be done again: it is the same in the end. Where the
 * source is no directory nothing happens. Device nodes, FIFOs and sockets are left out.
 */
export async function copyTree(from: string, to: string): Promise<void> {
  const root = await lstatOptional(from);
  if (root?.isDirectory() !== true) return;
  await copyDirectory({ from, to, source: new XattrFiles(from), target: new XattrFiles(to) }, from, to);
}

async function copyDirectory(copy: Copy, from: string, to: string): Promise<void> {
  const half = join(to, HALF);
  await rm(half, { force: true });
  for (const name of await readdir(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const info = await lstat(source);
    const there = await lstatOptional(target);
    if (info.isDirectory()) {
      if (there === undefined) await mkdir(target);
      // Of a directory that is there its own attributes are set once more: an interrupted copy may not have come to that.
      if (there?.isDirectory() !== false) await copyDirectory(copy, source, target);
    } else if (there !== undefined) {
      // A whole copy, or somebody's own.
    } else if (info.isSymbolicLink()) {
      await symlink(await readlink(source), half);
      await lchown(half, info.uid, info.gid);
      copyXattrs(copy, source, half);
      await lutimes(half, info.atime, info.mtime);
      await rename(half, target);
    } else if (info.isFile()) {
      await copyFile(source, half, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      await copyAttributes(copy, source, half);
      await rename(half, target);
    }
  }
  await copyAttributes(copy, from, to);
}

/** The owner first: chown takes set-id bits and capabilities away. */
async function copyAttributes(copy: Copy, source: string, target: string): Promise<void> {
  const info = await lstat(source);
  await lchown(target, info.uid, info.gid);
  await chmod(target, info.mode & 0o7777);
  copyXattrs(copy, source, target);
  await lutimes(target, info.atime, info.mtime);
}

/** Capabilities and what users have set; labels of SELinux are the target's own. */
function copyXattrs({ from, to, source, target }: Copy, path: string, copied: string): void {
  for (const [name, value] of source.read(inside(from, path)) ?? []) {
    // Where the file system has none of them the files go without, as with cp.
    if (name === 'security.capability' || name.startsWith('user.')) target.set(inside(to, copied), name, value);
  }
}

/** A path as XattrFiles takes it. */
function inside(root: string, path: string): string {
  return Buffer.from(relative(root, path) || '.', 'utf8').toString('latin1');
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
