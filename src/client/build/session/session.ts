/**
 * A build session: we are the gRPC server inside a Session call, and the daemon calls us for files, credentials and secrets.
 * The inner HTTP/2 server is node:http2's own, because of what BuildKit sends: header fields that repeat, and thousands of them.
 */
import { constants, performServerHandshake, type ServerHttp2Session } from 'node:http2';
import { toK3cError } from '../../../api/errors.ts';
import type { Connection } from '../../../api/rpc/client.ts';
import type { RpcServer } from '../../../api/rpc/server.ts';
import { toMetadata } from '../../../api/rpc/status.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import { newId } from './id.ts';
import { RawCall, type RawHandler } from './raw-call.ts';
import { serveHealth } from './services.ts';
import { Tunnel } from './tunnel.ts';

const STREAM_WINDOW = 8 << 20;
const SESSION_WINDOW = 16 << 20;

export interface SessionOptions {
  /** Names this client and its context for the daemon's cache of transferred files. */
  readonly sharedKey: string;
  /** Typed services. Health is added. */
  readonly services: RpcServer;
  /** Streams served frame by frame, by method path. */
  readonly streams: ReadonlyMap<string, RawHandler>;
}

export class Session {
  readonly id: string = newId();
  readonly #tunnel: Tunnel;
  readonly #server: ServerHttp2Session;

  /** Opens the session; whoever solves with its id is served from now on. It ends with `close` or with the connection. */
  constructor(connection: Connection, options: SessionOptions) {
    serveHealth(options.services);
    const methods = [...options.services.paths, ...options.streams.keys()];
    const metadata: Metadata = [
      ['x-docker-expose-session-uuid', this.id],
      ['x-docker-expose-session-sharedkey', options.sharedKey],
      ...methods.map((path) => ['x-docker-expose-session-grpc-method', path] as const),
    ];
    this.#tunnel = new Tunnel(connection.request('/moby.buildkit.v1.Control/Session', { metadata }));
    this.#tunnel.on('error', () => {
      // The connection went; the solve under way reports it.
    });
    this.#server = performServerHandshake(this.#tunnel, {
      // A .dockerignore of a hundred lines is more header fields than the default allows.
      maxHeaderListPairs: 1_000_000,
      maxSessionMemory: 1000,
      settings: { initialWindowSize: STREAM_WINDOW, maxConcurrentStreams: 1000 },
    });
    this.#server.setLocalWindowSize(SESSION_WINDOW);
    this.#server.on('error', () => {
      // The daemon ends the tunnel without HTTP/2's farewell, which node calls a protocol error.
    });
    this.#server.on('stream', (stream, _headers, _flags, rawHeaders) => {
      const path = rawHeaders[rawHeaders.indexOf(':path') + 1] ?? '';
      const handler = options.streams.get(path);
      if (handler === undefined) {
        options.services.handle(stream, rawHeaders);
        return;
      }
      const call = new RawCall(stream, toMetadata(rawHeaders));
      handler(call).then(
        () => call.finish(),
        (error: unknown) => call.finish(toK3cError(error)),
      );
    });
  }

  /** Ends the session; transfers under way are cut. */
  close(): void {
    this.#server.destroy(undefined, constants.NGHTTP2_NO_ERROR);
    this.#tunnel.destroy();
  }
}
