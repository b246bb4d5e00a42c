/**
 * The lock of a local cache, as BuildKit's own clients take it (client/solve.go: cache.lock, flock(2)): shared from the first blob
 * written until the index names it, exclusive while blobs that no index names are removed.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, K3cError } from '../../../api/errors.ts';
import { tryLock } from '../../../host/libc.ts';

const AGAIN_MS = 100;

export class CacheLock {
  readonly #path: string;
  #file: FileHandle | undefined;
  #sharing: Promise<void> | undefined;
  #released = false;

  constructor(directory: string) {
    this.#path = join(directory, 'cache.lock');
  }

  /** Holds the lock with other writers; waits while somebody removes. Once is enough. */
  share(signal: AbortSignal): Promise<void> {
    this.#sharing ??= this.#share(signal);
    return this.#sharing;
  }

  async #share(signal: AbortSignal): Promise<void> {
    const file = await this.#open();
    while (!tryLock(file.fd, this.#path, 'shared')) await sleep(AGAIN_MS, undefined, { signal });
  }

  /** Holds the lock alone, in place of what was held before. False where others write. */
  async takeAlone(): Promise<boolean> {
    return tryLock((await this.#open()).fd, this.#path, 'exclusive');
  }

  /** Gives back whatever is held, for good. The file stays: another one under its name would be another lock. */
  async release(): Promise<void> {
    this.#released = true;
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #open(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    const file = await open(this.#path, 'a', 0o644);
    if (this.#released) {
      await file.close();
      throw new K3cError(Code.CANCELLED, 'the build is over');
    }
    this.#file = file;
    return file;
  }
}
