/** One act at a time for each key; acts of different keys run at once. First come, first served. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs an act when all earlier ones of its key are over, however they ended. */
  async run<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    const tail = before === undefined ? done : before.then(() => done);
    this.#tails.set(key, tail);
    try {
      await before;
      return await act();
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
      release();
    }
  }

  /** Resolves when nothing is running or waiting. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
