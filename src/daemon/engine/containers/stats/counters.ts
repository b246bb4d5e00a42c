/** What is read of a container's cgroup at one moment. Numbers: nanoseconds, bytes and processes, counted since its start. */
import { readFile } from 'node:fs/promises';

export interface Counters {
  readonly cpuNanos: number;
  /** Bytes in use without inactive file cache, which the kernel drops first: docker's and the CRI's working set. */
  readonly memoryUsage: number;
  /** Infinity: none. */
  readonly memoryLimit: number;
  readonly blockRead: number;
  readonly blockWritten: number;
  readonly pids: number;
}

export const NO_COUNTERS: Counters = {
  cpuNanos: 0,
  memoryUsage: 0,
  memoryLimit: Number.POSITIVE_INFINITY,
  blockRead: 0,
  blockWritten: 0,
  pids: 0,
};

const GONE: readonly string[] = ['ENOENT', 'ENODEV', 'ENOTDIR', 'ESRCH', 'ENXIO'];

/** Reads a file of a cgroup or of a process; empty where it is not there: the controller is not enabled, or the container has just ended. */
export async function readCounter(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENODEV, ESRCH, ENXIO: the group, the process or its network namespace went away between two steps.
    if (code !== undefined && GONE.includes(code)) return '';
    throw error;
  }
}

/** The value of a line `KEY VALUE`; 0 without one. */
export function keyedValue(text: string, key: string): number {
  for (const line of text.split('\n')) if (line.startsWith(`${key} `)) return Number(line.slice(key.length + 1));
  return 0;
}

/** Usage without what docker calls the cache; docker subtracts only what is less than the whole. */
export function withoutCache(usage: number, inactiveFile: number): number {
  return inactiveFile < usage ? usage - inactiveFile : usage;
}
