/** The connections to one daemon behind the gateway: few, shared by all clients, made again when they have gone. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { Code, K3cError } from '../../api/errors.ts';
import type { Log } from '../../host/log.ts';
import { SESSION_OPTIONS, SESSION_WINDOW } from './settings.ts';

/** Connections to one daemon at most. gRPC servers in Go take any number of streams on one; this is for those that do not. */
const MAX_SESSIONS = 64;

/** A connection with what node:http2 does not tell: how many calls it carries, and whether its socket is gone. */
interface Line {
  readonly session: ClientHttp2Session;
  streams: number;
  lost: boolean;
}

/** A call on its way to a daemon. */
export interface UpstreamCall {
  readonly stream: ClientHttp2Stream;
  /** Whether the call ended because the connection went, as opposed to a reset by the daemon. */
  readonly lost: () => boolean;
}

export class Upstream {
  readonly name: string;
  readonly #path: string;
  readonly #log: Log;
  readonly #settled: () => Promise<void>;
  readonly #lines = new Set<Line>();
  #opening: Promise<Line> | undefined;
  #closed = false;

  /**
   * @param name what the daemon is called in errors
   * @param path its socket; nothing is dialled before the first call
   * @param settled resolves when the daemon is not just being started anew
   */
  constructor(name: string, path: string, log: Log, settled: () => Promise<void> = () => Promise.resolve()) {
    this.name = name;
    this.#path = path;
    this.#log = log;
    this.#settled = settled;
  }

  /** A call on a connection that is up and has room, at once; undefined when one has to be opened first. */
  tryRequest(rawHeaders: readonly string[], endStream: boolean): UpstreamCall | undefined {
    for (const line of this.#lines) if (hasRoom(line)) return this.#request(line, rawHeaders, endStream);
    return undefined;
  }

  /** As tryRequest, opening a connection where needed. Rejects with UNAVAILABLE when the daemon does not answer. */
  async request(rawHeaders: readonly string[], endStream: boolean): Promise<UpstreamCall> {
    for (;;) {
      const call = this.tryRequest(rawHeaders, endStream);
      if (call !== undefined) return call;
      if (this.#closed) throw this.unavailable('is being stopped');
      if (this.#lines.size >= MAX_SESSIONS) {
        throw new K3cError(Code.RESOURCE_EXHAUSTED, `too many calls to ${this.name} are under way`);
      }
      this.#opening ??= this.#dial().finally(() => {
        this.#opening = undefined;
      });
      const line = await this.#opening;
      // A daemon that allows no stream at all would have us open connections for ever.
      if (line.session.remoteSettings.maxConcurrentStreams === 0) throw this.unavailable('takes no calls');
    }
  }

  /** The error for a daemon that is not there. */
  unavailable(what = 'is not running', cause?: unknown): K3cError {
    return new K3cError(Code.UNAVAILABLE, `${this.name} ${what}`, {
      hint: 'the k3c daemon restarts it; try again in a moment',
      cause,
    });
  }

  /** Connections that are up. */
  get size(): number {
    return this.#lines.size;
  }

  /** Calls under way. */
  get calls(): number {
    let calls = 0;
    for (const { streams } of this.#lines) calls += streams;
    return calls;
  }

  /** Cuts all connections. */
  close(): void {
    this.#closed = true;
    for (const line of this.#lines) line.session.destroy();
  }

  async #dial(): Promise<Line> {
    await this.#settled();
    return this.#open();
  }

  /** Resolves when the daemon's settings are there: only then is it known how many streams it takes. */
  #open(): Promise<Line> {
    const { promise, resolve, reject } = Promise.withResolvers<Line>();
    const socket = connectSocket(this.#path);
    const session = connect('http://localhost', { ...SESSION_OPTIONS, createConnection: () => socket });
    const line: Line = { session, streams: 0, lost: false };
    let failure: unknown;
    const gone = () => {
      line.lost = true;
      this.#lines.delete(line);
      reject(this.unavailable('is not running', failure));
    };
    // Before the session's own listener, so that `lost` is set when its streams learn of it.
    socket.prependOnceListener('close', gone);
    socket.once('error', (error) => {
      failure = error;
    });
    session.once('connect', () => session.setLocalWindowSize(SESSION_WINDOW));
    session.once('remoteSettings', () => {
      if (this.#closed || line.lost) {
        session.destroy();
        return;
      }
      this.#lines.add(line);
      resolve(line);
    });
    session.on('error', (error) => {
      failure ??= error;
      this.#log.debug({ upstream: this.name, error: error.message }, 'connection to upstream failed');
    });
    // The daemon is stopping: what is under way ends on this connection, what is new needs another.
    session.once('goaway', () => this.#lines.delete(line));
    session.once('close', gone);
    return promise;
  }

  #request(line: Line, rawHeaders: readonly string[], endStream: boolean): UpstreamCall {
    const stream = line.session.request([...rawHeaders], { endStream });
    line.streams++;
    stream.once('close', () => {
      line.streams--;
      if (line.streams === 0 && this.#lines.size > 1 && this.#lines.delete(line)) line.session.close();
    });
    return { stream, lost: () => line.lost || line.session.destroyed };
  }
}

function hasRoom(line: Line): boolean {
  const { session } = line;
  if (session.closed || session.destroyed) return false;
  return line.streams < (session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
}
