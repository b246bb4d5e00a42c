/** Paths inside another root directory, with its symbolic links kept inside. */
import { lstat, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';

const MAX_LINKS = 255;

/**
 * Resolves a path as a process whose root is `root` would see it. What does not exist is taken as it is written. The tree
 * must not change meanwhile where what is read matters: this is a walk, not one system call.
 */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  let links = 0;
  let resolved = '/';
  const rest = path.split('/');
  while (rest.length > 0) {
    const part = rest.shift();
    if (part === undefined || part === '' || part === '.') continue;
    if (part === '..') {
      resolved = posix.dirname(resolved);
      continue;
    }
    const next = posix.join(resolved, part);
    const target = await linkTarget(join(root, next));
    if (target === undefined) {
      resolved = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS)
      throw Object.assign(new Error(`ELOOP: too many symbolic links in ${path}`), { code: 'ELOOP' });
    if (target.startsWith('/')) resolved = '/';
    rest.unshift(...target.split('/'));
  }
  return join(root, resolved);
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
