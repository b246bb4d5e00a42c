/** One socket that speaks HTTP/2 in clear: takes connections, hands out their streams, and ends with all of them. */
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import type { Log } from '../../host/log.ts';
import { FirstCall, type Relayable } from './first-call.ts';
import { Relay } from './relay.ts';
import { field, mayBeRelayed, type RelayDestination, routeFields } from './route.ts';
import { MIXED_MS, PREFACE_TIMEOUT_MS, SESSION_OPTIONS, SESSION_WINDOW } from './settings.ts';
import { listenUnix, type UnixListener, type UnixListenOptions } from './unix-listener.ts';

/** Takes one call. `rawHeaders` is the flat list of its fields as they came; `ended` tells that no body follows. */
export type StreamHandler = (stream: ServerHttp2Stream, rawHeaders: readonly string[], ended: boolean) => void;

/** A daemon that whole connections may be passed to. */
export interface RelayTarget {
  /** Its socket. */
  readonly path: string;
  /** Resolves when it is not just being started anew. */
  readonly settled?: (() => Promise<void>) | undefined;
}

export type RelayTargets = Readonly<Record<RelayDestination, RelayTarget>>;

const END_STREAM = 1;

export class Listener {
  readonly #handle: StreamHandler;
  readonly #log: Log;
  readonly #prefaceTimeoutMs: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #emptied = new Set<() => void>();
  readonly #relays = new Set<Relay>();
  /** Relays that are being opened, by daemon. */
  readonly #opening: Record<RelayDestination, number> = { containerd: 0, buildkitd: 0 };
  /** Connections that have not told yet what they want. */
  readonly #undecided = new Map<Socket, FirstCall>();
  readonly #relayTo: RelayTargets | undefined;
  #servesAllUntil = 0;
  #isDraining = false;
  #listener: UnixListener | undefined;

  /** @param relayTo the daemons, where whole connections may be passed to one of them */
  constructor(handle: StreamHandler, log: Log, prefaceTimeoutMs = PREFACE_TIMEOUT_MS, relayTo?: RelayTargets) {
    this.#handle = handle;
    this.#log = log;
    this.#prefaceTimeoutMs = prefaceTimeoutMs;
    this.#relayTo = relayTo;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Resolves when connections are taken. Errors: those of listenUnix. */
  async listen(options: UnixListenOptions): Promise<void> {
    this.#listener = await listenUnix(this.#server, options);
    this.#server.on('error', (error) => this.#log.error({ error: error.message }, 'cannot take connections'));
    if (options.group !== undefined && !this.#listener.hasGroup) {
      this.#log.info(
        { group: options.group, socket: options.path },
        'no such group: the socket is for its owner alone',
      );
    }
  }

  /** Whether a whole connection is relayed to a daemon, or about to be. */
  relaysTo(destination: RelayDestination): boolean {
    if (this.#opening[destination] > 0) return true;
    for (const relay of this.#relays) if (relay.destination === destination) return true;
    return false;
  }

  /** Takes no more connections and calls and waits for those under way, at most this long; then they are cut. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    this.#server.close();
    for (const session of this.#sessions) session.close();
    for (const relay of this.#relays) relay.goAway();
    for (const [socket, first] of this.#undecided) if (first.isIdle) socket.destroy();
    if (this.#sockets.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      this.#emptied.add(resolve);
      await promise;
      clearTimeout(timer);
      this.#emptied.delete(resolve);
    }
    await this.close();
  }

  /** Cuts every connection and removes the socket. Safe to call twice. */
  async close(): Promise<void> {
    this.#server.close();
    await this.#listener?.unlink();
    this.#listener = undefined;
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#track(socket);
    socket.on('error', (error) => this.#log.debug({ error: error.message }, 'a connection failed'));
    if (this.#relayTo === undefined || performance.now() < this.#servesAllUntil) this.#serve(socket);
    else this.#look(socket, this.#relayTo);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) for (const tell of this.#emptied) tell();
    });
  }

  /** Waits for the first call, which tells whether the connection is relayed or served. */
  #look(socket: Socket, relayTo: RelayTargets): void {
    const silent = this.#cutWhenSilent(socket);
    const first = new FirstCall(socket, {
      route: (fields) => {
        const destination = mayBeRelayed(field(fields, 'user-agent')) ? routeFields(fields) : undefined;
        return destination === 'k3c' ? undefined : destination;
      },
      spoken: () => clearTimeout(silent),
      relay: (what) => {
        void this.#relay(socket, first, what, relayTo[what.destination]);
      },
      serve: (received) => {
        clearTimeout(silent);
        this.#undecided.delete(socket);
        socket.unshift(received);
        this.#serve(socket);
      },
      failed: (error) => {
        this.#log.debug({ error: error.message }, 'closing a connection that breaks the rules of HTTP/2');
        socket.destroy();
      },
    });
    this.#undecided.set(socket, first);
    socket.once('close', () => {
      clearTimeout(silent);
      this.#undecided.delete(socket);
    });
  }

  async #relay(socket: Socket, first: FirstCall, what: Relayable, { path, settled }: RelayTarget): Promise<void> {
    this.#opening[what.destination]++;
    await settled?.();
    const onMixed = () => {
      this.#servesAllUntil = performance.now() + MIXED_MS;
    };
    const relay = await Relay.open({ client: socket, path, what, log: this.#log, onMixed });
    this.#opening[what.destination]--;
    if (relay !== undefined) {
      this.#track(relay.client);
      this.#relays.add(relay);
      relay.client.once('close', () => this.#relays.delete(relay));
      if (this.#isDraining) relay.goAway();
      return;
    }
    if (socket.destroyed) return;
    // Without a daemon the call is served: that says in words what is missing, and dials again at the next call.
    first.serve();
  }

  #cutWhenSilent(socket: Socket): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#log.debug({}, 'closing a connection on which no HTTP/2 was spoken');
      socket.destroy();
    }, this.#prefaceTimeoutMs);
    return timer.unref();
  }

  /** Speaks HTTP/2 with the client itself. */
  #serve(socket: Socket): void {
    const silent = this.#cutWhenSilent(socket);
    const session = performServerHandshake(socket, SESSION_OPTIONS);
    this.#sessions.add(session);
    session.once('remoteSettings', () => clearTimeout(silent));
    session.once('close', () => {
      clearTimeout(silent);
      this.#sessions.delete(session);
    });
    session.on('error', (error) => {
      this.#log.debug({ error: error.message }, 'closing a connection that is not HTTP/2 or breaks its rules');
      socket.destroy();
    });
    session.on('stream', (stream, _headers, flags, rawHeaders) => {
      try {
        this.#handle(stream, rawHeaders as readonly string[], (flags & END_STREAM) !== 0);
      } catch (error) {
        // A fault of ours, or a stream that went this very moment: it must end this call alone.
        this.#log.error({ err: error }, 'cannot take a call');
        stream.on('error', () => undefined);
        stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      }
    });
    session.setLocalWindowSize(SESSION_WINDOW);
  }
}
