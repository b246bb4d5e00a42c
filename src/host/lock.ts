/** Lock files: held by the kernel for as long as the process lives, so that none is ever stale. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer } from 'node:net';
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

/**
 * A lock file of which each holder may remove the name before he lets go: locked, and still the one that has the name. Close it.
 * @returns undefined when somebody is in the way
 */
export async function openLocked(
  path: string,
  kind: 'shared' | 'exclusive',
  mode = 0o600,
): Promise<FileHandle | undefined> {
  for (;;) {
    const file = await open(path, 'a', mode);
    let isHeld = false;
    try {
      if (!tryLock(file.fd, path, kind)) return undefined;
      isHeld = (await file.stat()).nlink > 0;
      if (isHeld) return file;
    } finally {
      if (!isHeld) await file.close();
    }
  }
}

/**
 * Takes a name as a lock: an abstract unix socket (unix(7)), which exists once in a network namespace and goes with its process.
 * @returns the lock, undefined when somebody else holds it
 */
export function lockName(name: string): Promise<FileLock | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0${name}`, () => {
      server.unref();
      resolve({ release: () => void server.close() });
    });
  });
}
