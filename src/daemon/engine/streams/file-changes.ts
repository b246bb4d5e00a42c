import { type FSWatcher, watch } from 'node:fs';

/** There is no file to watch yet, or no watch to be had. */
const LOOK_FOR_FILE_MS = 25;
/** It is looked again after this time, whatever the watch says: a file that is made or renamed gives no event of its own. */
const LOOK_AGAIN_MS = 250;

/** Tells that a file may have changed. */
export class FileChanges {
  readonly #path: string;
  #watcher: FSWatcher | undefined;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
    this.restart();
  }

  /** The path means another file now. */
  restart(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    try {
      const watcher = watch(this.#path, { persistent: false });
      watcher.on('change', () => {
        this.#changed = true;
        this.#wake?.();
      });
      // The file was removed under the watch; the time limit goes on.
      watcher.on('error', () => watcher.close());
      this.#watcher = watcher;
    } catch {
      // No such file yet, or no more watches on this system: the time limit alone does it.
    }
  }

  /** Resolves at a change since the last call, after 250 ms (25 without a file), or when one of the signals is aborted. */
  next(...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
    if (this.#watcher === undefined) this.restart();
    const present = signals.filter((signal) => signal !== undefined);
    // `ended` may be aborted already: then only a change or the time limit can bring something new.
    const waiting = present.filter((signal) => !signal.aborted);
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        for (const signal of waiting) signal.removeEventListener('abort', done);
        this.#wake = undefined;
        this.#changed = false;
        resolve();
      };
      const timer = setTimeout(done, this.#changed ? 0 : this.#watcher ? LOOK_AGAIN_MS : LOOK_FOR_FILE_MS);
      for (const signal of waiting) signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
