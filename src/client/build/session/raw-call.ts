/**
 * A call into the build session as raw frames: for the streams where a typed message at a time is too slow, or where the
 * metadata's repeated fields matter.
 */
import type { ServerHttp2Stream } from 'node:http2';
import { Code, K3cError } from '../../../api/errors.ts';
import { FrameDecoder } from '../../../api/rpc/frames.ts';
import { toTrailers } from '../../../api/rpc/status.ts';
import type { Metadata } from '../../../api/rpc/types.ts';

export type RawHandler = (call: RawCall) => Promise<void>;

export class RawCall {
  /** Aborted when the caller cancels or the session ends; not by a regular end. */
  readonly signal: AbortSignal;
  readonly #stream: ServerHttp2Stream;
  readonly #metadata: Metadata;
  #unwritten = 0;
  #finished = false;
  #trailers = toTrailers();

  constructor(stream: ServerHttp2Stream, metadata: Metadata) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#stream = stream;
    this.#metadata = metadata;
    stream.on('error', () => {
      // A reset: 'close' follows and tells the handler.
    });
    stream.once('close', () => {
      if (!this.#finished) controller.abort(new K3cError(Code.CANCELLED, 'the builder ended the transfer'));
    });
    stream.once('wantTrailers', () => stream.sendTrailers(this.#trailers));
  }

  /** All values of a metadata field, in order; undefined when it was not sent. Decodes BuildKit's `<name>-encoded` form. */
  values(name: string): string[] | undefined {
    const found = this.#metadata.filter(([key]) => key === name).map(([, value]) => value);
    if (found.length === 0) return undefined;
    const encoded = this.#metadata.some(([key, value]) => key === `${name}-encoded` && /^(1|t|true)$/i.test(value));
    return encoded ? found.map(queryUnescape) : found;
  }

  /** Answers the headers, so that the caller knows that the call is served. */
  accept(): void {
    if (this.#stream.headersSent || this.#stream.destroyed) return;
    this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  }

  /** The messages of the caller, until its half-close. Throws CANCELLED when the call was cut. */
  async *messages(): AsyncGenerator<Buffer> {
    const decoder = new FrameDecoder();
    try {
      for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) yield* decoder.push(chunk as Buffer);
    } catch (error) {
      throw error instanceof K3cError ? error : new K3cError(Code.CANCELLED, 'the builder ended the transfer');
    }
    this.signal.throwIfAborted();
  }

  /** Calls back with every message as it comes, without back-pressure: for small ones. */
  onMessage(listener: (message: Buffer) => void): void {
    const decoder = new FrameDecoder();
    this.#stream.on('data', (chunk: Buffer) => {
      try {
        for (const message of decoder.push(chunk)) listener(message);
      } catch (error) {
        // Thrown on, it would end the whole process, which may be the daemon; 'close' follows and tells the handler.
        this.#stream.destroy(error as Error);
      }
    });
  }

  /** Bytes handed over and not yet taken by the transport. */
  get unwritten(): number {
    return this.#unwritten;
  }

  /** Queues whole frames. */
  write(frames: Buffer): void {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    this.accept();
    this.#unwritten += frames.length;
    this.#stream.write(frames, () => {
      this.#unwritten -= frames.length;
    });
  }

  /** Queues frames and resolves when the transport took them. */
  async drain(frames: Buffer): Promise<void> {
    this.signal.throwIfAborted();
    this.accept();
    await new Promise<void>((resolve) => this.#stream.write(frames, () => resolve()));
    this.signal.throwIfAborted();
  }

  /** Ends the call with success, or with an error's code and message. */
  finish(error?: K3cError): void {
    if (this.#finished) return;
    this.#finished = true;
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    this.#trailers = toTrailers(error);
    this.accept();
    stream.end();
    // What the caller may still send is of no use; unread it would hold the window of the connection.
    stream.resume();
  }
}

/** Go's url.QueryUnescape into a byte string; text that is not validly escaped becomes empty, as there. */
export function queryUnescape(text: string): string {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return '';
  return text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-fA-F]{2})/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
