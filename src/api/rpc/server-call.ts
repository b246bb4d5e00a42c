/** One call as its handler sees it. */
import type { ServerHttp2Stream } from 'node:http2';
import { Code, K3cError } from '../errors.ts';
import { ChunkReader } from './chunks.ts';
import { endUpload } from './early-end.ts';
import { FrameDecoder } from './frames.ts';
import { encodeParts } from './parts.ts';
import { parseTimeout, toTrailers } from './status.ts';
import type { Metadata, MethodDefinition, ServerCall } from './types.ts';
import { MessageWriter } from './writer.ts';

export const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const;

/** What setTimeout takes; a longer deadline is none. */
const MAX_TIMER = 0x7fff_ffff;

export class StreamCall implements ServerCall<unknown, unknown> {
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
  readonly requests: AsyncIterable<unknown>;
  readonly #stream: ServerHttp2Stream;
  readonly #method: MethodDefinition;
  readonly #writer: MessageWriter;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #finished = false;
  #trailers: Record<string, string> = toTrailers();

  constructor(stream: ServerHttp2Stream, metadata: Metadata, method: MethodDefinition) {
    this.#stream = stream;
    this.#method = method;
    this.#writer = new MessageWriter(stream);
    this.metadata = metadata;
    this.signal = this.#controller.signal;
    this.requests = resumable(this.#read());
    const timeout = metadata.find(([name]) => name === 'grpc-timeout')?.[1];
    const milliseconds = timeout === undefined ? undefined : parseTimeout(timeout);
    if (milliseconds !== undefined)
      this.#timer = setTimeout(() => this.#onDeadline(), Math.min(milliseconds, MAX_TIMER));
    stream.on('error', () => {
      // A reset or a lost connection: 'close' follows and aborts the call.
    });
    stream.once('close', () => {
      clearTimeout(this.#timer);
      if (!this.#finished) this.#controller.abort(gone());
    });
    stream.once('wantTrailers', () => {
      if (!stream.destroyed && !stream.closed) stream.sendTrailers(this.#trailers);
      endUpload(stream);
    });
  }

  async send(response: unknown): Promise<void> {
    const stream = this.#stream;
    if (this.#finished || stream.destroyed || stream.closed || stream.writableEnded) throw gone();
    const message = this.#encode(response);
    this.#respond();
    await this.#writer.write(message);
  }

  /**
   * Ends the call: with a last message and success, or with an error. Of several ends the first counts.
   *
   * @returns the error that the caller was told, if any
   */
  finish(outcome: { readonly last?: unknown; readonly error?: K3cError }): K3cError | undefined {
    clearTimeout(this.#timer);
    const stream = this.#stream;
    if (this.#finished) return undefined;
    this.#finished = true;
    if (stream.destroyed || stream.closed) return outcome.error;
    let { error } = outcome;
    let message: readonly Uint8Array[] | undefined;
    if (error === undefined && outcome.last !== undefined) {
      try {
        message = this.#encode(outcome.last);
      } catch (cause) {
        error = new K3cError(Code.INTERNAL, `the response of ${this.#method.name} cannot be encoded`, { cause });
      }
    }
    if (error !== undefined && !stream.headersSent) {
      stream.respond({ ...RESPONSE_HEADERS, ...toTrailers(error) }, { endStream: true });
      stream.resume();
      endUpload(stream);
      return error;
    }
    this.#trailers = toTrailers(error);
    this.#respond();
    if (message !== undefined) void this.#writer.write(message);
    stream.end();
    return error;
  }

  /** The requests, decoded; throws CANCELLED when the caller went away before its half-close. */
  async *#read(): AsyncGenerator<unknown> {
    const decoder = new FrameDecoder();
    const reader = new ChunkReader(this.#stream);
    for (;;) {
      const chunks = await reader.next().catch((cause: unknown) => {
        throw new K3cError(Code.CANCELLED, 'the caller went away', { cause });
      });
      if (chunks === undefined) break;
      for (const chunk of chunks) for (const message of decoder.push(chunk)) yield this.#decode(message);
    }
    if (this.#stream.aborted || this.#stream.rstCode !== 0) throw gone();
    if (decoder.pending) throw new K3cError(Code.INVALID_ARGUMENT, 'the call ended within a message');
  }

  #onDeadline(): void {
    const error = new K3cError(Code.DEADLINE_EXCEEDED, 'the call took too long');
    this.#controller.abort(error);
    this.finish({ error });
  }

  #respond(): void {
    if (!this.#stream.headersSent) this.#stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
  }

  #encode(response: unknown): readonly Uint8Array[] {
    const { responseType } = this.#method;
    return encodeParts(responseType, responseType.fromPartial(response as never));
  }

  #decode(message: Buffer): unknown {
    try {
      return this.#method.requestType.decode(message);
    } catch (cause) {
      throw new K3cError(Code.INVALID_ARGUMENT, `the ${this.#method.name} request is malformed`, { cause });
    }
  }
}

/** An iterable that goes on where an earlier loop over it was left: the first message may be taken apart from the rest. */
function resumable<T>(generator: AsyncGenerator<T>): AsyncIterable<T> {
  const iterator: AsyncIterator<T> = { next: () => generator.next() };
  return { [Symbol.asyncIterator]: () => iterator };
}

function gone(): K3cError {
  return new K3cError(Code.CANCELLED, 'the caller went away');
}
