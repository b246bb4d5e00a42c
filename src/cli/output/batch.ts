/** Many small writes made into few. */
import type { Writable } from 'node:stream';

const LIMIT = 64 * 1024;

/** Collects what is written to a stream in one turn of the event loop and hands it over at once, in order. */
export class BatchWriter {
  readonly #output: Writable;
  #chunks: Buffer[] = [];
  #length = 0;
  #planned: NodeJS.Immediate | undefined;
  /** Resolves when the stream takes more; undefined while it does. */
  #full: Promise<void> | undefined;

  constructor(output: Writable) {
    this.#output = output;
  }

  /** Takes a piece. Await the result: it holds back while the stream is full. */
  write(data: Buffer): Promise<void> | undefined {
    this.#chunks.push(data);
    this.#length += data.length;
    if (this.#length >= LIMIT) return this.flush();
    this.#planned ??= setImmediate(() => void this.flush());
    return this.#full;
  }

  /** Hands over what is left; resolves when the stream takes more. */
  flush(): Promise<void> | undefined {
    clearImmediate(this.#planned);
    this.#planned = undefined;
    if (this.#length === 0) return this.#full;
    const data = Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [];
    this.#length = 0;
    const output = this.#output;
    if (output.destroyed || output.write(data)) return undefined;
    this.#full ??= new Promise((resolve) => {
      const done = () => {
        output.off('drain', done);
        output.off('close', done);
        this.#full = undefined;
        resolve();
      };
      output.on('drain', done);
      output.on('close', done);
    });
    return this.#full;
  }
}
