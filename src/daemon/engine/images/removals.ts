/** The images that are being removed; why that is kept, in-use.ts says. */
export class Removals {
  readonly #going = new Map<string, Promise<unknown>>();
  /** What each of those who look an image up now is to hear of. */
  readonly #watchers = new Set<Set<string>>();

  /**
   * Marks images as going, before this returns, for as long as the work takes. Whoever asks for it has just seen, in the same turn,
   * that nobody uses them. One after the other: of two at once for one image the first to end would take the mark away.
   */
  async during<T>(ids: readonly string[], work: () => Promise<T>): Promise<T> {
    const result = work();
    const ended = Promise.allSettled([result]);
    for (const id of ids) {
      this.#going.set(id, ended);
      for (const watcher of this.#watchers) watcher.add(id);
    }
    try {
      return await result;
    } finally {
      for (const id of ids) this.#going.delete(id);
    }
  }

  /** Resolves when an image is not going any more; undefined when it is not. */
  end(id: string): Promise<unknown> | undefined {
    return this.#going.get(id);
  }

  /** Gathers the ids of images whose removal begins until it is disposed. */
  watch(): Disposable & { readonly begun: ReadonlySet<string> } {
    const begun = new Set<string>();
    this.#watchers.add(begun);
    return { begun, [Symbol.dispose]: () => void this.#watchers.delete(begun) };
  }
}
