import type { OutputChunk, StreamName } from './types.ts';

/** Small chunks of one stream that wait together leave together, up to this size: a message costs more than a copy. */
const MERGE_BYTES = 64 * 1024;

/**
 * What one client still has to take: a queue with one reader. It sets no limit itself; whoever fills it watches `bytes`
 * (see FanOut).
 */
export class OutputQueue implements AsyncIterable<OutputChunk> {
  readonly #onTaken: () => void;
  readonly #onLeft: () => void;
  #chunks: OutputChunk[] = [];
  #head = 0;
  #bytes = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /**
   * @param onTaken bytes were taken out
   * @param onLeft the reader left its loop before the end
   */
  constructor(onTaken: () => void, onLeft: () => void) {
    this.#onTaken = onTaken;
    this.#onLeft = onLeft;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: OutputChunk): void {
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.data.length;
    this.#wake?.();
  }

  /** No more comes; what waits is still delivered. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Drops what waits; the reader gets the error, or its end without one. */
  abort(error?: Error): void {
    if (this.#ended && this.#bytes === 0) return;
    this.#chunks = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#error = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk> {
    let whole = false;
    try {
      for (;;) {
        const chunk = this.#take();
        if (chunk !== undefined) {
          yield chunk;
          continue;
        }
        if (this.#error !== undefined) throw this.#error;
        if (this.#ended) {
          whole = true;
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      if (!whole) this.#onLeft();
    }
  }

  #take(): OutputChunk | undefined {
    const first = this.#chunks[this.#head];
    if (first === undefined) return undefined;
    let next = this.#head + 1;
    let bytes = first.data.length;
    for (; next < this.#chunks.length; next++) {
      const chunk = this.#chunks[next];
      if (chunk?.stream !== first.stream || bytes + chunk.data.length > MERGE_BYTES) break;
      bytes += chunk.data.length;
    }
    const taken = next === this.#head + 1 ? first : merge(first.stream, this.#chunks.slice(this.#head, next), bytes);
    this.#head = next;
    // Moving the rest to the front on every take would make a long queue quadratic; what is taken must not be held for long.
    if (this.#head * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head);
      this.#head = 0;
    }
    this.#bytes -= bytes;
    this.#onTaken();
    return taken;
  }
}

function merge(stream: StreamName, chunks: readonly OutputChunk[], bytes: number): OutputChunk {
  return {
    stream,
    data: Buffer.concat(
      chunks.map((chunk) => chunk.data),
      bytes,
    ),
  };
}
