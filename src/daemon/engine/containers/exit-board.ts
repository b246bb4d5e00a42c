/** How an attempt ended, as those who wait are told. */
export interface ContainerExit {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly error: string;
}

type Moment = 'exit' | 'removed';

/** Where those who wait for a container's end are told. */
export class ExitBoard {
  readonly #waiting = new Map<string, Set<(exit: ContainerExit) => void>>();

  /** Resolves at the next such moment of a container; rejects with the signal's reason. */
  next(id: string, moment: Moment, signal: AbortSignal): Promise<ContainerExit> {
    signal.throwIfAborted();
    const key = `${moment} ${id}`;
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    return new Promise((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener('abort', onAbort);
        waiting.delete(onExit);
        if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      };
      const onExit = (exit: ContainerExit) => {
        leave();
        resolve(exit);
      };
      const onAbort = () => {
        leave();
        reject(signal.reason);
      };
      waiting.add(onExit);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  post(id: string, moment: Moment, exit: ContainerExit): void {
    for (const tell of [...(this.#waiting.get(`${moment} ${id}`) ?? [])]) tell(exit);
  }
}
