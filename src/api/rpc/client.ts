/**
 * A gRPC client over node:http2, framed by hand: it loads in a tenth of the time of grpc-js, keeps repeated header fields
 * apart, and writes many messages in one go. Used where start-up or throughput counts: by the client and in a build.
 */

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Code, K3cError } from '../errors.ts';
import { FrameDecoder, frame } from './frames.ts';
import { fromTrailers, toMetadata } from './status.ts';
import type { BidiCall, CallOptions, Client, Metadata, MethodDefinition, ServiceDefinition } from './types.ts';

/** Receive windows: with the 64 kB of the standard a bulk transfer is throttled to half its speed (FACTS). */
const STREAM_WINDOW = 8 << 20;
const SESSION_WINDOW = 16 << 20;

/** One HTTP/2 connection, dialled at the first call and again when it has gone. */
export class Connection {
  readonly #dial: () => Duplex;
  readonly #address: string;
  #session: ClientHttp2Session | undefined;

  /**
   * @param dial opens the byte stream to the server
   * @param address what to call the server in errors
   */
  constructor(dial: () => Duplex, address: string) {
    this.#dial = dial;
    this.#address = address;
  }

  /** A connection to a unix socket. Nothing is opened yet. */
  static unix(path: string): Connection {
    return new Connection(() => connectSocket(path), path);
  }

  /** Opens a request stream for a method path (`/package.Service/Method`). */
  request(path: string, options: CallOptions): ClientHttp2Stream {
    const headers: OutgoingHttpHeaders = {
      ':method': 'POST',
      ':path': path,
      ':scheme': 'http',
      ':authority': 'localhost',
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    if (options.timeoutMs !== undefined)
      headers['grpc-timeout'] = `${Math.max(1, Math.min(99_999_999, Math.ceil(options.timeoutMs)))}m`;
    for (const [name, value] of options.metadata ?? []) {
      const before = headers[name];
      if (before === undefined) headers[name] = value;
      else headers[name] = Array.isArray(before) ? [...before, value] : [String(before), value];
    }
    return this.#open().request(headers, { endStream: false });
  }

  /** Wraps a failure of the transport: UNAVAILABLE, with the way out when nobody listens. */
  toError(cause: unknown): K3cError {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') {
      return new K3cError(Code.UNAVAILABLE, `cannot connect to the k3c daemon at ${this.#address}`, {
        reason: 'daemon-unreachable',
        hint: 'is it running? start it with: k3c daemon',
        cause,
      });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      return new K3cError(Code.PERMISSION_DENIED, `permission denied on the k3c socket ${this.#address}`, {
        reason: 'daemon-unreachable',
        hint: 'run as root or join the group that owns the socket (k3c)',
        cause,
      });
    }
    return new K3cError(Code.UNAVAILABLE, `the connection to ${this.#address} was lost`, { cause });
  }

  /** Ends the connection; calls under way are cut. */
  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #open(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const session = connect('http://localhost', {
      createConnection: this.#dial,
      settings: { initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 65_535, enablePush: false },
      maxSessionMemory: 1000,
    });
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW);
    });
    const forget = () => {
      if (this.#session === session) this.#session = undefined;
    };
    // Every open stream reports the session's error to its own caller.
    session.once('error', forget);
    session.once('goaway', forget);
    session.once('close', forget);
    this.#session = session;
    return session;
  }
}

/** One call: sends framed requests, yields framed responses, ends with the status of the trailers. */
class Call<Req, Res> implements BidiCall<Req, Res> {
  readonly #connection: Connection;
  readonly #method: MethodDefinition;
  readonly #stream: ClientHttp2Stream;
  readonly #options: CallOptions;
  readonly #cleanup: () => void;
  #status: K3cError | 'ok' | undefined;
  #cancelled: K3cError | undefined;
  #failure: unknown;

  constructor(connection: Connection, path: string, method: MethodDefinition, options: CallOptions) {
    this.#connection = connection;
    this.#method = method;
    this.#options = options;
    options.signal?.throwIfAborted();
    const stream = connection.request(path, options);
    this.#stream = stream;
    const onAbort = () => this.#cancel(new K3cError(Code.CANCELLED, 'canceled'));
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => this.#cancel(new K3cError(Code.DEADLINE_EXCEEDED, 'the call took too long')),
            options.timeoutMs,
          );
    this.#cleanup = () => {
      options.signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    };
    stream.once('response', (_headers, _flags, raw) => this.#onFields(toMetadata(raw)));
    stream.once('trailers', (_headers, _flags, raw) => this.#onFields(toMetadata(raw)));
    stream.once('error', (error) => {
      this.#failure = error;
    });
    stream.once('close', this.#cleanup);
  }

  send(request: Req): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.writableEnded) {
      return Promise.reject(this.#cancelled ?? new K3cError(Code.CANCELLED, 'the call is over'));
    }
    const { requestType } = this.#method;
    const message = requestType.encode(requestType.fromPartial(request as never)).finish();
    if (stream.write(frame(message))) return Promise.resolve();
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
      for await (const chunk of this.#stream) {
        for (const message of decoder.push(chunk as Buffer)) yield this.#method.responseType.decode(message) as Res;
      }
      finished = true;
    } catch (error) {
      // A cut stream reports through its status below; what we threw ourselves passes on.
      if (error instanceof K3cError) throw error;
      this.#failure ??= error;
      finished = true;
    } finally {
      if (!finished) this.cancel();
    }
    this.end();
    const error = this.#outcome(decoder.pending);
    if (error !== undefined) throw error;
  }

  #onFields(fields: Metadata): void {
    const status = fromTrailers(fields);
    if (status === undefined) return;
    this.#status = status;
    this.#options.onTrailers?.(fields);
  }

  #outcome(cutOff: boolean): K3cError | undefined {
    if (this.#cancelled !== undefined) return this.#cancelled;
    if (this.#status instanceof K3cError) return this.#status;
    if (this.#failure !== undefined) return this.#connection.toError(this.#failure);
    // A stream without a grpc-status was cut: the server or a proxy in between went away.
    if (this.#status === undefined || cutOff) return this.#connection.toError(undefined);
    return undefined;
  }

  #cancel(error: K3cError): void {
    if (this.#stream.closed || this.#stream.destroyed) return;
    this.#cancelled ??= error;
    this.#cleanup();
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}

/** Opens a call of any kind on a connection. */
export function openCall<Req, Res>(
  connection: Connection,
  service: ServiceDefinition,
  method: MethodDefinition,
  options: CallOptions = {},
): BidiCall<Req, Res> {
  return new Call<Req, Res>(connection, `/${service.fullName}/${method.name}`, method, options);
}

async function unary<Req, Res>(call: BidiCall<Req, Res>, request: Req): Promise<Res> {
  await call.send(request);
  call.end();
  let response: Res | undefined;
  for await (const message of call) response = message;
  if (response === undefined) throw new K3cError(Code.INTERNAL, 'the server ended a call without a response');
  return response;
}

async function* serverStream<Req, Res>(call: BidiCall<Req, Res>, request: Req): AsyncGenerator<Res> {
  await call.send(request);
  call.end();
  yield* call;
}

/** The typed client of a service on a connection. Calls reject with K3cError. */
export function createClient<S extends ServiceDefinition>(service: S, connection: Connection): Client<S> {
  const client: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(service.methods)) {
    if (method.requestStream) client[key] = (options?: CallOptions) => openCall(connection, service, method, options);
    else if (method.responseStream)
      client[key] = (request: unknown, options?: CallOptions) =>
        serverStream(openCall(connection, service, method, options), request);
    else
      client[key] = (request: unknown, options?: CallOptions) =>
        unary(openCall(connection, service, method, options), request);
  }
  return client as Client<S>;
}
