/**
 * A gRPC server on node:http2 streams, framed by hand. It serves k3c.v1 straight on the gateway's streams, with no second
 * HTTP/2 hop, and the services of a build session, where header fields must stay apart and messages go out in batches.
 */
import type { ServerHttp2Stream } from 'node:http2';
import { Code, K3cError, toK3cError } from '../errors.ts';
import { endUpload } from './early-end.ts';
import { RESPONSE_HEADERS, StreamCall } from './server-call.ts';
import { toMetadata, toTrailers } from './status.ts';
import type { Handlers, MethodDefinition, ServerCall, ServiceDefinition } from './types.ts';

type AnyHandler = (first: unknown, second?: unknown) => Promise<unknown>;

interface Route {
  readonly path: string;
  readonly method: MethodDefinition;
  readonly handler: AnyHandler;
}

export class RpcServer {
  readonly #routes = new Map<string, Route>();
  readonly #onError: (path: string, error: K3cError) => void;
  readonly #gate: (path: string) => Promise<void> | undefined;

  /**
   * @param onError told of every call that ends with an error, for the log
   * @param gate what a call waits for before its handler is called; undefined: nothing
   */
  constructor(
    onError: (path: string, error: K3cError) => void = () => undefined,
    gate: (path: string) => Promise<void> | undefined = () => undefined,
  ) {
    this.#onError = onError;
    this.#gate = gate;
  }

  /** Adds a service with its handlers. */
  add<S extends ServiceDefinition>(service: S, handlers: Handlers<S>): this {
    for (const [key, method] of Object.entries(service.methods)) {
      const handler = (handlers as unknown as Record<string, AnyHandler>)[key];
      if (handler !== undefined) {
        // Bound, so that handlers may be an instance of a class.
        const path = `/${service.fullName}/${method.name}`;
        this.#routes.set(path, { path, method, handler: handler.bind(handlers) });
      }
    }
    return this;
  }

  /** The method paths that are served. */
  get paths(): readonly string[] {
    return [...this.#routes.keys()];
  }

  /** Serves one stream. Unknown paths end with UNIMPLEMENTED, requests that are not gRPC with HTTP 415. Never throws. */
  handle(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    if (stream.destroyed || stream.closed) return;
    const path = rawHeaders[rawHeaders.indexOf(':path') + 1] ?? '';
    const metadata = toMetadata(rawHeaders);
    const type = metadata.find(([name]) => name === 'content-type')?.[1] ?? '';
    if (!type.startsWith('application/grpc')) {
      answer(stream, { ':status': 415 });
      return;
    }
    const route = this.#routes.get(path);
    if (route === undefined) {
      refuse(stream, new K3cError(Code.UNIMPLEMENTED, `unknown method ${path}`));
      return;
    }
    const call = new StreamCall(stream, metadata, route.method);
    this.#run(route, call).then(
      (last) => this.#report(path, call.finish(last === undefined ? {} : { last })),
      (thrown: unknown) => this.#report(path, call.finish({ error: toK3cError(thrown) })),
    );
  }

  /**
   * Runs the handler of a call of this process (local.ts).
   *
   * @returns the one response, where responses are no stream
   * @throws what the handler does; K3cError UNIMPLEMENTED where there is none
   */
  async serveLocal(path: string, call: ServerCall<unknown, unknown>): Promise<unknown> {
    const route = this.#routes.get(path);
    try {
      if (route === undefined) throw new K3cError(Code.UNIMPLEMENTED, `unknown method ${path}`);
      return await this.#run(route, call);
    } catch (thrown) {
      this.#report(path, toK3cError(thrown));
      throw thrown;
    }
  }

  #report(path: string, error: K3cError | undefined): void {
    if (error !== undefined) this.#onError(path, error);
  }

  async #run(route: Route, call: ServerCall<unknown, unknown>): Promise<unknown> {
    const first = this.#gate(route.path);
    if (first !== undefined) await first;
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
  answer(stream, { ...RESPONSE_HEADERS, ...toTrailers(error) });
}

function answer(stream: ServerHttp2Stream, headers: Record<string, string | number>): void {
  if (stream.destroyed || stream.closed) return;
  stream.on('error', () => {
    // The caller may be gone already; there is nobody left to tell.
  });
  stream.respond(headers, { endStream: true });
  stream.resume();
  endUpload(stream);
}
