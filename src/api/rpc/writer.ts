/** Writing messages to a stream: many in flight at once, and a promise that waits when enough are. */
import type { Http2Stream } from 'node:http2';
import { frame, prefix } from './frames.ts';

/** Bytes that may wait in a stream before a writer has to: enough that the transport never runs dry between two sends. */
const QUEUE = 512 << 10;

/** From this size on a message is written behind its prefix instead of being copied into one buffer with it. */
const SPLIT = 16 << 10;

const ROOM = Promise.resolve();

export class MessageWriter {
  readonly #stream: Http2Stream;
  #drained: Promise<void> | undefined;

  constructor(stream: Http2Stream) {
    this.#stream = stream;
  }

  /** Queues a message; resolves when there is room for another one, or when the stream has closed. */
  write(message: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (message.length < SPLIT) stream.write(frame(message));
    else {
      stream.cork();
      stream.write(prefix(message.length));
      stream.write(message);
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
