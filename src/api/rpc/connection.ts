/**
 * One HTTP/2 connection of a client, dialled at the first call and again when it has gone. All its calls are for one of
 * k3c, containerd and BuildKit: a call that the gateway refuses because it is for another one is not tried again.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Code, K3cError } from '../errors.ts';
import type { CallOptions } from './types.ts';

/** Receive windows: with the 64 kB of the standard a bulk transfer is throttled to half its speed (FACTS). */
const STREAM_WINDOW = 8 << 20;
const SESSION_WINDOW = 16 << 20;

const SESSION_OPTIONS = {
  settings: { initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 65_535, enablePush: false },
  maxSessionMemory: 1000,
  maxHeaderListPairs: 8192,
  /** Metadata may repeat any field. */
  strictSingleValueFields: false,
};

/** The largest `grpc-timeout` in milliseconds: eight digits. */
const MAX_TIMEOUT = 99_999_999;

export class Connection {
  readonly #dial: () => Duplex;
  readonly #address: string;
  readonly #sessions = new Set<ClientHttp2Session>();
  readonly #lost = new WeakMap<ClientHttp2Session, unknown>();
  #current: ClientHttp2Session | undefined;

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
      // By this the gateway knows a client that never calls two daemons on one connection.
      'user-agent': 'k3c',
    };
    if (options.timeoutMs !== undefined)
      headers['grpc-timeout'] = `${Math.max(1, Math.min(MAX_TIMEOUT, Math.ceil(options.timeoutMs)))}m`;
    for (const [name, value] of options.metadata ?? []) {
      const before = headers[name];
      if (before === undefined) headers[name] = value;
      else headers[name] = Array.isArray(before) ? [...before, value] : [String(before), value];
    }
    return this.#open().request(headers, { endStream: false });
  }

  /** Whether this session's byte stream has gone, so that its streams ended for no reason of their own. */
  hasLost(session: ClientHttp2Session): boolean {
    return session.destroyed || this.#lost.has(session);
  }

  /** The error of a lost session's byte stream, where there was one: node:http2 tells its streams another. */
  failureOf(session: ClientHttp2Session): unknown {
    return this.#lost.get(session);
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

  /** Ends the connection; calls under way are cut. A later call dials again. */
  close(): void {
    this.#current = undefined;
    for (const session of this.#sessions) session.destroy();
  }

  #open(): ClientHttp2Session {
    const current = this.#current;
    if (current !== undefined && !current.closed && !current.destroyed) return current;
    const dialled = this.#dial();
    const session = connect('http://localhost', { ...SESSION_OPTIONS, createConnection: () => dialled });
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW);
    });
    const forget = () => {
      if (this.#current === session) this.#current = undefined;
    };
    // Before the session's own listener, so that its streams find it lost when they end.
    let failure: unknown;
    dialled.prependOnceListener('error', (error) => {
      failure = error;
      this.#lost.set(session, error);
    });
    dialled.prependOnceListener('close', () => this.#lost.set(session, failure));
    // Every open stream reports the session's error to its own caller.
    session.on('error', forget);
    // The server takes no more calls on this one; those under way go on.
    session.once('goaway', forget);
    session.once('close', () => {
      forget();
      this.#sessions.delete(session);
    });
    this.#sessions.add(session);
    this.#current = session;
    return session;
  }
}
