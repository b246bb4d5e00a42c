/** Messages from one sender's side to one reader, with room for a few. */

/** How many messages may wait before a sender has to. A bulk message has 64 KB to 256 KB. */
const ROOM = 8;

const NOW = Promise.resolve();

/** Iterating it again goes on where the iteration before was left. */
export class MessagePipe implements AsyncIterable<unknown> {
  readonly #iterator: AsyncIterator<unknown> = { next: () => this.#next() };
  #messages: unknown[] = [];
  #ended = false;
  #error: Error | undefined;
  #onMessage: (() => void) | undefined;
  #onRoom: PromiseWithResolvers<void> | undefined;

  /** Resolves when there is room for another one, or none is needed any more. */
  push(message: unknown): Promise<void> {
    if (this.#ended) return NOW;
    this.#messages.push(message);
    this.#onMessage?.();
    if (this.#messages.length < ROOM) return NOW;
    this.#onRoom ??= Promise.withResolvers();
    return this.#onRoom.promise;
  }

  /** No more comes; what waits is still read, and then the error is met, if there is one. The first end counts. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#onMessage?.();
    this.#relieve();
  }

  /** Throws away what waits; the reader meets the error next. */
  drop(error: Error): void {
    this.#messages = [];
    this.#ended = true;
    this.#error = error;
    this.#onMessage?.();
    this.#relieve();
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.#iterator;
  }

  async #next(): Promise<IteratorResult<unknown>> {
    while (this.#messages.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#onMessage = resolve;
      });
      this.#onMessage = undefined;
    }
    if (this.#messages.length > 0) {
      const value = this.#messages.shift();
      if (this.#messages.length <= ROOM / 2) this.#relieve();
      return { done: false, value };
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  #relieve(): void {
    this.#onRoom?.resolve();
    this.#onRoom = undefined;
  }
}
