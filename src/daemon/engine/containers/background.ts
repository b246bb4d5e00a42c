import type { Log } from '../../../host/log.ts';

/** Work that nobody waits for: its failures are logged, and a stop can wait for it. */
export class BackgroundTasks {
  readonly #running = new Set<Promise<void>>();
  readonly #following = new Set<Promise<void>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param what for the log: "remove the sandbox of web" */
  run(what: string, act: () => Promise<void>): void {
    this.#add(this.#running, what, act);
  }

  /** The same, for what ends when the user's own does, a shell in a container say: only a stop, which ends it, waits for that. */
  follow(what: string, act: () => Promise<void>): void {
    this.#add(this.#following, what, act);
  }

  /** Resolves when all is done, that which the running work starts included. */
  async idle(): Promise<void> {
    while (this.#running.size + this.#following.size > 0) await Promise.all([...this.#running, ...this.#following]);
  }

  /** The same, but for what follows something else. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #add(tasks: Set<Promise<void>>, what: string, act: () => Promise<void>): void {
    const task = act()
      .catch((error: unknown) => this.#log.warn({ err: error }, `failed to ${what}`))
      .finally(() => tasks.delete(task));
    tasks.add(task);
  }
}
