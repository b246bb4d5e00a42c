/** A stream that keeps what is written to it as text. */
import { Writable } from 'node:stream';

export class TextSink extends Writable {
  #text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#text += chunk.toString('utf8');
    done();
  }

  /** What came since the last call. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
