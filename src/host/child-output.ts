/** What a child writes, in the chunks in which it came: the iterator of Readable would join what waits, with a copy of all of it. */
import type { Readable } from 'node:stream';

/** What may wait for the reader before the child has to. */
const HELD_BYTES = 1 << 20;

/**
 * Reads a pipe that nobody else reads, from now on, so that nothing is lost when the child ends before its reader comes: at a child's
 * exit Node lets what is left flow. Iterating it again goes on where the iteration before was left.
 */
export class ChildOutput implements AsyncIterable<Buffer> {
  readonly #stream: Readable;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #over = false;
  #discarding = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  readonly #iterator: AsyncIterator<Buffer> = { next: () => this.#next() };

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      if (this.#discarding) return;
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes >= HELD_BYTES) stream.pause();
      this.#wake?.();
    });
    stream.once('error', (error) => {
      this.#failure = { error };
      this.#wake?.();
    });
    // Its end, or an end before that: whether the child was done, its exit tells.
    stream.once('close', () => {
      this.#over = true;
      this.#wake?.();
    });
    stream.once('end', () => {
      this.#over = true;
      this.#wake?.();
    });
  }

  /** What waits, and all that comes, goes unread. */
  discard(): void {
    this.#discarding = true;
    this.#chunks = [];
    this.#bytes = 0;
    this.#stream.resume();
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return this.#iterator;
  }

  async #next(): Promise<IteratorResult<Buffer>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        if (this.#bytes < HELD_BYTES / 2 && this.#stream.isPaused()) this.#stream.resume();
        return { done: false, value: chunk };
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#over) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
