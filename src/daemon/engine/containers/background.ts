import type { Log } from '../../../host/log.ts';

/** Work that nobody waits for: its failures are logged, and a stop can wait for it. */
export class BackgroundTasks {
  readonly #running = new Set<Promise<void>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param what for the log: "remove the sandbox of web" */
  run(what: string, act: () => Promise<void>): void {
    const task = act()
      .catch((error: unknown) => this.#log.warn({ err: error }, `failed to ${what}`))
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  /** Resolves when all is done, that which the running work starts included. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
