/** How much of a disk a directory takes up. */
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Directories read at once. */
const AT_ONCE = 16;

/**
 * Bytes allocated below a path, the directories themselves included, as du(1) counts them: in blocks, a file with several names
 * once. Other file systems that are mounted in it are left out. 0 where there is nothing; what goes away meanwhile does not count.
 */
export async function directorySize(path: string, signal?: AbortSignal): Promise<number> {
  const top = await statOf(path);
  if (top === undefined) return 0;
  const linked = new Set<bigint | number>();
  let size = allocated(top);
  const queue = top.isDirectory() ? [path] : [];
  while (queue.length > 0) {
    signal?.throwIfAborted();
    await Promise.all(queue.splice(0, AT_ONCE).map(visit));
  }
  return size;

  async function visit(directory: string): Promise<void> {
    for (const name of await namesIn(directory)) {
      const child = join(directory, name);
      const stat = await statOf(child);
      if (stat === undefined || stat.dev !== top?.dev) continue;
      if (stat.isDirectory()) queue.push(child);
      else if (stat.nlink > 1) {
        if (linked.has(stat.ino)) continue;
        linked.add(stat.ino);
      }
      size += allocated(stat);
    }
  }
}

function allocated(stat: Stats): number {
  return stat.blocks * 512;
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
