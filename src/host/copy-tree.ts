/** Copies a tree with owners, modes, times and links. */
import { constants } from 'node:fs';
import { chmod, copyFile, lchown, lstat, lutimes, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Copies what is in a directory into one that exists, which gets the owner, mode and times of the source. Where the
 * source is no directory nothing happens. Device nodes, FIFOs and sockets are left out, extended attributes are not copied.
 */
export async function copyTree(from: string, to: string): Promise<void> {
  const root = await lstatOptional(from);
  if (root?.isDirectory() !== true) return;
  await copyDirectory(from, to);
}

async function copyDirectory(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const info = await lstat(source);
    if (info.isDirectory()) {
      await mkdir(target);
      await copyDirectory(source, target);
    } else if (info.isSymbolicLink()) {
      await symlink(await readlink(source), target);
      await lchown(target, info.uid, info.gid);
      await lutimes(target, info.atime, info.mtime);
    } else if (info.isFile()) {
      await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      await copyAttributes(target, info);
    }
  }
  await copyAttributes(to, await lstat(from));
}

/** The owner first: chown takes set-id bits away. */
async function copyAttributes(target: string, info: Awaited<ReturnType<typeof lstat>>): Promise<void> {
  await lchown(target, Number(info.uid), Number(info.gid));
  await chmod(target, Number(info.mode) & 0o7777);
  await lutimes(target, info.atime, info.mtime);
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
