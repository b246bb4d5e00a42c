/** One call of a client: sends framed requests, yields framed responses, ends with the status of the trailers. */
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { Code, K3cError } from '../errors.ts';
import { ChunkReader } from './chunks.ts';
import type { Connection } from './connection.ts';
import { FrameDecoder } from './frames.ts';
import { encodeParts } from './parts.ts';
import { fromHttpStatus, fromReset, fromTrailers, toMetadata } from './status.ts';
import type { BidiCall, CallOptions, Metadata, MethodDefinition } from './types.ts';
import { MessageWriter } from './writer.ts';

/** What setTimeout takes; a longer deadline is none. */
const MAX_TIMER = 0x7fff_ffff;

export class Call<Req, Res> implements BidiCall<Req, Res> {
  readonly #connection: Connection;
  readonly #method: MethodDefinition;
  readonly #session: ClientHttp2Session | undefined;
  readonly #stream: ClientHttp2Stream;
  readonly #writer: MessageWriter;
  readonly #options: CallOptions;
  readonly #cleanup: () => void;
  #httpStatus: number | undefined;
  #status: K3cError | 'ok' | undefined;
  #cancelled: K3cError | undefined;
  #failure: unknown;

  /** @throws K3cError CANCELLED when the signal is aborted already */
  constructor(connection: Connection, path: string, method: MethodDefinition, options: CallOptions) {
    const { signal, timeoutMs } = options;
    if (signal?.aborted) throw new K3cError(Code.CANCELLED, 'canceled', { cause: signal.reason });
    this.#connection = connection;
    this.#method = method;
    this.#options = options;
    const stream = connection.request(path, options);
    this.#stream = stream;
    // A closed stream has no session any more, and it is then that we ask about it.
    this.#session = stream.session as ClientHttp2Session | undefined;
    this.#writer = new MessageWriter(stream);
    const onAbort = () => this.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    const onDeadline = () => this.#cancel(new K3cError(Code.DEADLINE_EXCEEDED, 'the call took too long'));
    const timer = timeoutMs === undefined ? undefined : setTimeout(onDeadline, Math.min(timeoutMs, MAX_TIMER));
    this.#cleanup = () => {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    };
    stream.once('response', (headers, _flags, raw) => {
      this.#httpStatus = headers[':status'];
      this.#onFields(toMetadata(raw));
    });
    stream.once('trailers', (_headers, _flags, raw) => this.#onFields(toMetadata(raw)));
    stream.on('error', (error) => {
      this.#failure ??= error;
    });
    stream.once('close', this.#cleanup);
  }

  async send(request: Req): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.writableEnded) {
      const over = stream.closed || stream.destroyed ? this.#outcome(false) : undefined;
      throw over ?? new K3cError(Code.CANCELLED, 'the call is over');
    }
    const { requestType } = this.#method;
    await this.#writer.write(encodeParts(requestType, requestType.fromPartial(request as never)));
  }

  end(): void {
    if (!this.#stream.writableEnded && !this.#stream.destroyed) this.#stream.end();
  }

  cancel(): void {
    this.#cancel(new K3cError(Code.CANCELLED, 'canceled'));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Res> {
    const decoder = new FrameDecoder();
    let finished = false;
    try {
      // Left to us to destroy: breaking out of the loop must reset the stream with CANCEL, not with NO_ERROR.
      const reader = new ChunkReader(this.#stream);
      for (;;) {
        const chunks = await reader.next().catch(this.#endOfStream);
        if (chunks === undefined) break;
        for (const chunk of chunks) for (const message of decoder.push(chunk)) yield this.#decode(message);
      }
      finished = true;
    } finally {
      if (!finished) this.cancel();
    }
    this.end();
    const error = this.#outcome(decoder.pending);
    if (error !== undefined) throw error;
  }

  /** A cut stream is the end of the responses; its reason is told by the outcome. */
  readonly #endOfStream = (error: unknown): undefined => {
    this.#failure ??= error;
    return undefined;
  };

  #decode(message: Buffer): Res {
    try {
      return this.#method.responseType.decode(message) as Res;
    } catch (cause) {
      throw new K3cError(Code.INTERNAL, `the server sent a malformed ${this.#method.name} response`, { cause });
    }
  }

  #onFields(fields: Metadata): void {
    const status = fromTrailers(fields);
    if (status === undefined) return;
    this.#status = status;
    this.#options.onTrailers?.(fields);
  }

  /** How a call whose responses have ended did: undefined for success. */
  #outcome(cutOff: boolean): K3cError | undefined {
    if (this.#cancelled !== undefined) return this.#cancelled;
    if (this.#status instanceof K3cError) return this.#status;
    if (this.#status === 'ok') {
      return cutOff ? new K3cError(Code.INTERNAL, 'the server ended a call within a message') : undefined;
    }
    if (this.#httpStatus !== undefined && this.#httpStatus !== 200) return fromHttpStatus(this.#httpStatus);
    // Without a status the stream was cut: by the loss of the connection, or by a reset of its own.
    const session = this.#session;
    if (session === undefined || this.#connection.hasLost(session)) {
      return this.#connection.toError((session && this.#connection.failureOf(session)) ?? this.#failure);
    }
    return fromReset(this.#stream.rstCode);
  }

  #cancel(error: K3cError): void {
    if (this.#stream.closed || this.#stream.destroyed) return;
    this.#cancelled ??= error;
    this.#cleanup();
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}
