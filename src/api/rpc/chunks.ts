/** What a stream receives, in the chunks in which it came: the iterator of Readable would join what waits, with a copy. */
import type { Readable } from 'node:stream';

/** What may wait for the reader before the stream is held; HTTP/2's flow control holds the sender then. */
const HELD_BYTES = 1 << 20;

/** Reads a stream that nobody else reads. Listens from the first call of `next` on. */
export class ChunkReader {
  readonly #stream: Readable;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #listening = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  /** What came since the last call, at least one chunk; undefined at the end. Throws when the stream fails or closes early. */
  async next(): Promise<readonly Buffer[] | undefined> {
    this.#listen();
    while (this.#chunks.length === 0 && !this.#ended && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    if (this.#chunks.length > 0) {
      const chunks = this.#chunks;
      this.#chunks = [];
      this.#bytes = 0;
      if (this.#stream.isPaused()) this.#stream.resume();
      return chunks;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return undefined;
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes >= HELD_BYTES) stream.pause();
      this.#wake?.();
    });
    stream.once('end', () => {
      this.#ended = true;
      this.#wake?.();
    });
    const onGone = (error?: unknown) => {
      if (!this.#ended) this.#failure ??= { error: error ?? new Error('the stream was closed before its end') };
      this.#wake?.();
    };
    stream.on('error', onGone);
    stream.once('close', () => onGone());
    // What happened before anybody listened.
    if (stream.readableEnded) this.#ended = true;
    else if (stream.errored !== null) onGone(stream.errored);
    else if (stream.destroyed) onGone();
  }
}
