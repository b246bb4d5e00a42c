/** One call between a client and a daemon: everything passes as it came, in both directions, at the pace of its reader. */
import { type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2';
import { Code, K3cError, toK3cError } from '../../api/errors.ts';
import { endUpload } from '../../api/rpc/early-end.ts';
import { FrameDecoder, frame } from '../../api/rpc/frames.ts';
import { toMetadata, toTrailers } from '../../api/rpc/status.ts';
import { grouped } from './route.ts';
import { WRITE_QUEUE } from './settings.ts';
import type { UpstreamCall } from './upstream.ts';

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants;

/** Changes a message of an answer; undefined drops it. */
export type Rewrite = (message: Buffer) => Uint8Array | undefined;

export interface ForwardOptions {
  /** The error that a client gets when the daemon dies. */
  readonly unavailable: () => K3cError;
  /** Looks into the answer's messages instead of passing bytes on. */
  readonly rewrite?: Rewrite | undefined;
}

/** Connects the two streams of a call until both are done. Never throws; failures end the client's stream. */
export function forward(client: ServerHttp2Stream, call: UpstreamCall, options: ForwardOptions): void {
  new Forwarding(client, call, options).start();
}

class Forwarding {
  readonly #client: ServerHttp2Stream;
  readonly #upstream: ClientHttp2Stream;
  readonly #lost: () => boolean;
  readonly #options: ForwardOptions;
  readonly #decoder = new FrameDecoder();
  #trailers: Record<string, string | string[]> | undefined;
  #ended = false;
  #finished = false;

  constructor(client: ServerHttp2Stream, call: UpstreamCall, options: ForwardOptions) {
    this.#client = client;
    this.#upstream = call.stream;
    this.#lost = call.lost;
    this.#options = options;
  }

  start(): void {
    const client = this.#client;
    const upstream = this.#upstream;
    client.on('error', ignored);
    upstream.on('error', ignored);
    upstream.once('response', (_headers, flags, raw) => this.#guard(() => this.#onResponse(flags, raw)));
    upstream.once('trailers', (_headers, _flags, raw) => {
      this.#trailers = grouped(toMetadata(raw));
      this.#finishWhenComplete();
    });
    upstream.once('end', () => {
      this.#ended = true;
      this.#finishWhenComplete();
    });
    upstream.once('close', () => this.#guard(() => this.#onUpstreamClose()));
    client.once('close', () => {
      if (!upstream.closed) upstream.close(client.rstCode === NGHTTP2_NO_ERROR ? NGHTTP2_CANCEL : client.rstCode);
      // What the daemon has sent already is read to its end, or its stream would stay open.
      upstream.resume();
    });
    client.once('wantTrailers', () => this.#sendTrailers());
    client.on('drain', () => upstream.resume());
    upstream.on('drain', () => client.resume());
    client.on('data', (chunk: Buffer) => {
      if (upstream.closed || upstream.writableEnded) return;
      if (!upstream.write(chunk) && upstream.writableLength > WRITE_QUEUE) client.pause();
    });
    const endRequest = () => {
      if (!upstream.closed && !upstream.writableEnded) upstream.end();
    };
    // A request without a body has told its end already, unheard, while the daemon was being dialled.
    if (client.readableEnded) endRequest();
    else client.once('end', endRequest);
  }

  #onResponse(flags: number, raw: string[]): void {
    const client = this.#client;
    if (client.closed || client.destroyed) return;
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) {
      this.#finished = true;
      client.respond([...raw], { endStream: true, sendDate: false } as object);
      this.#stopUpload();
      return;
    }
    client.respond([...raw], { waitForTrailers: true, sendDate: false } as object);
    const { rewrite } = this.#options;
    this.#upstream.on('data', (chunk: Buffer) => {
      if (rewrite === undefined) this.#write(chunk);
      else this.#guard(() => this.#rewrite(chunk, rewrite));
    });
  }

  #write(chunk: Uint8Array): void {
    const client = this.#client;
    if (client.closed || client.writableEnded) return;
    if (!client.write(chunk) && client.writableLength > WRITE_QUEUE) this.#upstream.pause();
  }

  #rewrite(chunk: Buffer, rewrite: Rewrite): void {
    for (const message of this.#decoder.push(chunk)) {
      const changed = rewrite(message);
      if (changed !== undefined) this.#write(frame(changed));
    }
  }

  /** The answer is complete when its last byte and its trailers are here; they come in either order. */
  #finishWhenComplete(): void {
    if (!this.#ended || this.#trailers === undefined || this.#finished) return;
    this.#finished = true;
    if (!this.#client.closed && !this.#client.destroyed) this.#client.end();
  }

  #onUpstreamClose(): void {
    const client = this.#client;
    if (this.#finished || client.closed || client.destroyed) return;
    if (this.#lost()) this.#fail(this.#options.unavailable());
    else if (this.#upstream.rstCode !== NGHTTP2_NO_ERROR) client.close(this.#upstream.rstCode);
    else if (!client.headersSent) this.#fail(this.#options.unavailable());
    // The stream ended on a DATA frame: no gRPC, but passed on as it is.
    else {
      this.#finished = true;
      client.end();
    }
  }

  #fail(error: K3cError): void {
    const client = this.#client;
    this.#finished = true;
    this.#trailers = toTrailers(error);
    if (client.closed || client.destroyed) return;
    if (client.headersSent) client.end();
    else {
      const headers = { ':status': 200, 'content-type': 'application/grpc', ...this.#trailers };
      client.respond(headers, { endStream: true });
      this.#stopUpload();
    }
  }

  #sendTrailers(): void {
    this.#guard(() => {
      if (this.#client.closed || this.#client.destroyed) return;
      this.#client.sendTrailers(this.#trailers ?? {});
      this.#stopUpload();
    });
  }

  /** The answer is out; what the client still sends goes nowhere. */
  #stopUpload(): void {
    this.#client.resume();
    endUpload(this.#client);
  }

  /** node:http2 throws on fields it does not take and on streams that have just gone; either ends this call alone. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      const error = toK3cError(thrown);
      if (!this.#upstream.closed) this.#upstream.close(NGHTTP2_CANCEL);
      try {
        this.#fail(error.code === Code.INTERNAL ? new K3cError(Code.INTERNAL, `gateway: ${error.message}`) : error);
      } catch {
        // Not even the error can be told: the stream is beyond use.
        this.#client.close(constants.NGHTTP2_INTERNAL_ERROR);
      }
    }
  }
}

/** Errors of a stream are told by its 'close', with the reset code; unheard they would end the daemon. */
const ignored = (): void => undefined;
