/** openat(2) and its kin, which Node has no calls for: paths that begin at an open descriptor (proc_pid_fd(5)). */
import type { FileHandle } from 'node:fs/promises';

/** open(2)'s O_PATH, which Node does not name: a place in the tree, not its content. */
export const O_PATH = 0o10000000;

/**
 * A name in an open directory, wherever that has been moved to. Calls that do not follow the last part of a path stay in it.
 *
 * @param name one part of a path, neither `.` nor `..`
 */
export function inDirectory(directory: FileHandle, name: string): string;
export function inDirectory(directory: FileHandle, name: Buffer): Buffer;
export function inDirectory(directory: FileHandle, name: string | Buffer): string | Buffer {
  const before = `${ofHandle(directory)}/`;
  return typeof name === 'string' ? before + name : Buffer.concat([Buffer.from(before), name]);
}

/** The very file that is open, a link itself too if it was opened with O_PATH and O_NOFOLLOW: for calls that do follow. */
export function ofHandle({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}
