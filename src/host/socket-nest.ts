/**
 * Private directories in which sockets are bound before they are renamed to their place: nobody connects before owner and mode
 * are right. One that a killed process left goes at the next start of anybody who binds a socket beside it.
 */
import { randomInt } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { inDirectory } from './descriptor-path.ts';
import { tryLock } from './libc.ts';

/** How much longer than its directory the path of a socket is in there: names of unix sockets are short. */
export const NEST_LENGTH = '/.k3c000/s'.length;

const NAME = /^\.k3c[0-9a-z]{3}$/;
const SOCKET = 's';
const MODE = 0o700;
/** Of the name. */
const CHOICES = 36 ** 3;
const ATTEMPTS = 100;

/** What becomes of one that is no nest of ours, is not empty, or was removed meanwhile. */
const NOT_OURS = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENOTEMPTY', 'EEXIST', 'EACCES', 'EPERM'];

/**
 * Makes a nest in a directory, and takes it away again.
 * @param act gets the path where the socket is to be bound; what is still there at the end goes
 * @throws what mkdir(2) says of the directory
 */
export async function withNest<T>(directory: string, act: (bound: string) => Promise<T>): Promise<T> {
  const { path, lock } = await makeNest(directory);
  try {
    await sweepNests(directory);
    return await act(join(path, SOCKET));
  } finally {
    await clear(path, lock);
  }
}

/** Locked for as long as it is in use, which the kernel ends with the process. */
async function makeNest(directory: string): Promise<{ readonly path: string; readonly lock: FileHandle }> {
  for (let attempt = 1; ; attempt++) {
    const path = join(directory, `.k3c${randomInt(CHOICES).toString(36).padStart(3, '0')}`);
    try {
      await mkdir(path, { mode: MODE });
    } catch (error) {
      // Somebody has the name.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt >= ATTEMPTS) throw error;
      continue;
    }
    try {
      const lock = await openNest(path);
      if (lock !== undefined) return { path, lock };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt >= ATTEMPTS) throw error;
    }
    // Somebody has taken what was not locked yet for one that was left.
  }
}

/** Undefined when it is in use, or gone. */
async function openNest(path: string): Promise<FileHandle | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  let isHeld = false;
  try {
    isHeld = tryLock(file.fd, path) && (await file.stat()).nlink > 0;
    return isHeld ? file : undefined;
  } finally {
    if (!isHeld) await file.close();
  }
}

/** Removes the nests in a directory that nobody uses: ours by their name, owner and mode, and with nothing in them but a socket. */
async function sweepNests(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!NAME.test(name)) continue;
    const path = join(directory, name);
    try {
      const stat = await lstat(path);
      if (!stat.isDirectory() || stat.uid !== process.geteuid?.() || (stat.mode & 0o777) !== MODE) continue;
      const lock = await openNest(path);
      if (lock !== undefined) await clear(path, lock);
    } catch (error) {
      if (!NOT_OURS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

/** Gives the lock back, too. */
async function clear(path: string, lock: FileHandle): Promise<void> {
  try {
    await unlink(inDirectory(lock, SOCKET)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rmdir(path);
  } finally {
    await lock.close();
  }
}
