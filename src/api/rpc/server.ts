/**
 * A gRPC server on node:http2 streams, framed by hand. It serves k3c.v1 straight on the gateway's streams, with no second
 * HTTP/2 hop, and the services of a build session, where header fields must stay apart and messages go out in batches.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { Code, K3cError, toK3cError } from '../errors.ts';
import { FrameDecoder, frame } from './frames.ts';
import { parseTimeout, toMetadata, toTrailers } from './status.ts';
import type { Handlers, Metadata, MethodDefinition, ServerCall, ServiceDefinition } from './types.ts';

type AnyHandler = (first: unknown, second?: unknown) => Promise<unknown>;

interface Route {
  readonly method: MethodDefinition;
  readonly handler: AnyHandler;
}

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const;

class StreamCall implements ServerCall<unknown, unknown> {
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
  readonly #stream: ServerHttp2Stream;
  readonly #method: MethodDefinition;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #timedOut = false;
  #trailers: Record<string, string> = toTrailers();

  constructor(stream: ServerHttp2Stream, metadata: Metadata, method: MethodDefinition) {
    this.#stream = stream;
    this.#method = method;
    this.metadata = metadata;
    this.signal = this.#controller.signal;
    const timeout = metadata.find(([name]) => name === 'grpc-timeout')?.[1];
    const milliseconds = timeout === undefined ? undefined : parseTimeout(timeout);
    if (milliseconds !== undefined) {
      this.#timer = setTimeout(
        () => {
          this.#timedOut = true;
          this.#controller.abort();
        },
        Math.min(milliseconds, 0x7fff_ffff),
      );
    }
    stream.on('error', () => {
      // A reset or a lost connection: 'close' follows and aborts the call.
    });
    stream.once('close', () => {
      clearTimeout(this.#timer);
      this.#controller.abort();
    });
    stream.once('wantTrailers', () => {
      stream.sendTrailers(this.#trailers);
    });
  }

  get requests(): AsyncIterable<unknown> {
    return this.#requests();
  }

  async *#requests(): AsyncGenerator<unknown> {
    const decoder = new FrameDecoder();
    try {
      for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) {
        for (const message of decoder.push(chunk as Buffer)) yield this.#method.requestType.decode(message);
      }
    } catch (error) {
      throw error instanceof K3cError ? error : new K3cError(Code.CANCELLED, 'the caller went away', { cause: error });
    }
    if (this.#stream.aborted || this.#stream.rstCode !== 0) throw new K3cError(Code.CANCELLED, 'the caller went away');
  }

  send(response: unknown): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.writableEnded)
      return Promise.reject(new K3cError(Code.CANCELLED, 'the caller went away'));
    this.#respond();
    if (stream.write(this.#encode(response))) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
  }

  /** Ends the call: with a last message and success, or with an error. */
  finish(outcome: { readonly last?: unknown; readonly error?: K3cError }): void {
    clearTimeout(this.#timer);
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const error =
      this.#timedOut && outcome.error !== undefined
        ? new K3cError(Code.DEADLINE_EXCEEDED, 'the call took too long')
        : outcome.error;
    if (error !== undefined) {
      if (!stream.headersSent) stream.respond({ ...RESPONSE_HEADERS, ...toTrailers(error) }, { endStream: true });
      else {
        this.#trailers = toTrailers(error);
        stream.end();
      }
    } else {
      this.#respond();
      if (outcome.last === undefined) stream.end();
      else stream.end(this.#encode(outcome.last));
    }
    // What the caller still sends is of no use; unread it would hold the connection's window.
    if (!stream.readableEnded) stream.resume();
  }

  #respond(): void {
    if (!this.#stream.headersSent) this.#stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
  }

  #encode(response: unknown): Buffer {
    const { responseType } = this.#method;
    return frame(responseType.encode(responseType.fromPartial(response as never)).finish());
  }
}

export class RpcServer {
  readonly #routes = new Map<string, Route>();
  readonly #onError: (path: string, error: K3cError) => void;

  /** @param onError told of every call that ends with an error, for the log. */
  constructor(onError: (path: string, error: K3cError) => void = () => undefined) {
    this.#onError = onError;
  }

  /** Adds a service with its handlers. */
  add<S extends ServiceDefinition>(service: S, handlers: Handlers<S>): this {
    for (const [key, method] of Object.entries(service.methods)) {
      const handler = (handlers as unknown as Record<string, AnyHandler>)[key];
      if (handler !== undefined) this.#routes.set(`/${service.fullName}/${method.name}`, { method, handler });
    }
    return this;
  }

  /** The method paths that are served. */
  get paths(): readonly string[] {
    return [...this.#routes.keys()];
  }

  /** Serves one stream. Unknown paths end with UNIMPLEMENTED, requests that are not gRPC with HTTP 415. */
  handle(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    const path = rawHeaders[rawHeaders.indexOf(':path') + 1] ?? '';
    const metadata = toMetadata(rawHeaders);
    const type = metadata.find(([name]) => name === 'content-type')?.[1] ?? '';
    if (!type.startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    const route = this.#routes.get(path);
    if (route === undefined) {
      refuse(stream, new K3cError(Code.UNIMPLEMENTED, `unknown method ${path}`));
      return;
    }
    const call = new StreamCall(stream, metadata, route.method);
    this.#run(route, call).then(
      (last) => call.finish(last === undefined ? {} : { last }),
      (thrown: unknown) => {
        const error = toK3cError(thrown);
        this.#onError(path, error);
        call.finish({ error });
      },
    );
  }

  async #run(route: Route, call: StreamCall): Promise<unknown> {
    if (route.method.requestStream) {
      const response = await route.handler(call);
      return route.method.responseStream ? undefined : response;
    }
    let request: unknown;
    for await (const message of call.requests) request = message;
    if (request === undefined) throw new K3cError(Code.INVALID_ARGUMENT, 'the call ended without a request');
    const response = await route.handler(request, call);
    return route.method.responseStream ? undefined : response;
  }
}

/** Ends a stream with an error before anything was sent: a trailers-only answer. */
export function refuse(stream: ServerHttp2Stream, error: K3cError): void {
  if (stream.destroyed || stream.closed) return;
  stream.on('error', () => {
    // The caller may be gone already; there is nobody left to tell.
  });
  stream.respond({ ...RESPONSE_HEADERS, ...toTrailers(error) }, { endStream: true });
  stream.resume();
}

/** The reset code that says that a call was cancelled. */
export const CANCEL = constants.NGHTTP2_CANCEL;
