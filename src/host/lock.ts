/** Lock files: held by the kernel for as long as the process lives, so that none is ever stale. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { tryLock } from './libc.ts';

export interface FileLock {
  release(): void;
}

/**
 * Takes a lock file and writes this process's id into it.
 * @returns the lock, or the id (as text, may be empty) of the process that holds it
 */
export function lockFile(path: string): FileLock | { readonly heldBy: string } {
  const fd = openSync(path, 'a+', 0o600);
  if (!tryLock(fd, path)) {
    closeSync(fd);
    return { heldBy: readFileSync(path, 'utf8').trim() };
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return { release: () => closeSync(fd) };
}
