/** Writing messages to a stream: many in flight at once, and a promise that waits when enough are. */
import type { Http2Stream } from 'node:http2';
import { frame, prefix } from './frames.ts';

/** Bytes that may wait in a stream before a writer has to: enough that the transport never runs dry between two sends. */
const QUEUE = 512 << 10;

const ROOM = Promise.resolve();

export class MessageWriter {
  readonly #stream: Http2Stream;
  #drained: Promise<void> | undefined;

  constructor(stream: Http2Stream) {
    this.#stream = stream;
  }

  /**
   * Queues a message, given in the pieces of which it consists; resolves when there is room for another one, or when the
   * stream has closed. The pieces must not be changed any more.
   */
  write(parts: readonly Uint8Array[]): Promise<void> {
    const stream = this.#stream;
    const [first] = parts;
    if (first !== undefined && parts.length === 1) stream.write(frame(first));
    else {
      stream.cork();
      stream.write(prefix(parts.reduce((sum, part) => sum + part.length, 0)));
      for (const part of parts) stream.write(part);
      stream.uncork();
    }
    if (stream.writableLength < QUEUE) return ROOM;
    // One pair of listeners, however many senders wait.
    this.#drained ??= new Promise((resolve) => {
      const done = () => {
        stream.off('drain', done);
        stream.off('close', done);
        this.#drained = undefined;
        resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
    return this.#drained;
  }
}
