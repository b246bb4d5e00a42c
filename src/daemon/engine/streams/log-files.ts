/** The files of one log: `path` is written, `path.1` is the newest full one, and so on. */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLimits } from './types.ts';

/** docker has no limit of its own; a log that fills the disk is no default. */
export const DEFAULT_LOG_LIMITS: LogLimits = { maxBytes: 10 << 20, maxFiles: 5 };

/** How often a gap in the names is looked at again: 0.3 s, and a move takes two renames. */
const MOVE_TRIES = 25;

/** A log file that is open for reading. */
export interface LogFile {
  readonly handle: FileHandle;
  readonly inode: number;
  /** Its size when it was opened. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number;
}

/** The path of the n-th older file; 0 is the current one. */
function olderPath(path: string, n: number): string {
  return n === 0 ? path : `${path}.${n}`;
}

/**
 * Moves every file one place on, which drops the last one. The current file must be closed; there is none afterwards.
 * A reader sees each file under its old or its new name, or under none for a moment (see `openLogFiles`).
 */
export async function rotate(path: string, maxFiles: number): Promise<void> {
  const last = Math.max(0, maxFiles - 1);
  if (last === 0) {
    // Not emptied: a reader must be able to tell the new file from the old one.
    await rm(path, { force: true });
    return;
  }
  let count = 1;
  while (count < last && (await exists(olderPath(path, count)))) count++;
  for (let n = count; n > 0; n--) await rename(olderPath(path, n - 1), olderPath(path, n));
}

/**
 * Opens all files of a log, oldest first; none when there is no log yet. The caller closes them.
 *
 * A rotation may come in between. Files are opened from the newest to the oldest, so a moved one shows up twice, and a
 * gap in the names is a move under way: both mean to start anew. A gap that stays was left by a daemon that was killed in
 * the middle, or by a full disk, and is passed over.
 */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  for (let attempt = 0; ; attempt++) {
    const files = await tryOpen(path, attempt < MOVE_TRIES);
    if (files !== undefined) return files.reverse();
    await sleep(Math.min(attempt, 20));
  }
}

/** @param moving whether a gap is taken for a move */
async function tryOpen(path: string, moving: boolean): Promise<LogFile[] | undefined> {
  const files: LogFile[] = [];
  let settled = false;
  try {
    for (let n = 0; ; n++) {
      const file = await openForReading(olderPath(path, n));
      if (file === undefined) {
        const gap = await exists(olderPath(path, n + 1));
        if (gap && !moving) continue;
        settled = !gap;
        return settled ? files : undefined;
      }
      files.push(file);
      if (files.some((other) => other !== file && other.inode === file.inode)) return undefined;
    }
  } finally {
    if (!settled) await closeLogFiles(files);
  }
}

export async function closeLogFiles(files: readonly LogFile[]): Promise<void> {
  for (const file of files) await file.handle.close();
}

async function openForReading(path: string): Promise<LogFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const { ino, size, mtimeMs } = await handle.stat();
  return { handle, inode: ino, size, modifiedMs: mtimeMs };
}

async function exists(path: string): Promise<boolean> {
  return (await inodeOf(path)) !== undefined;
}

/** Which file has this name now; undefined for none. */
export async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
