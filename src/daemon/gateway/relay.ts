/**
 * A whole connection of a client passed to one daemon, byte for byte: HTTP/2 is spoken by the two ends alone. Only the frame
 * headers and the client's header blocks are looked at, so that a call for somebody else is refused and not delivered.
 */
import { connect, type Socket } from 'node:net';
import type { Log } from '../../host/log.ts';
import type { ClientFrames, ClientFramesListener } from './client-frames.ts';
import { DaemonFrames } from './daemon-frames.ts';
import type { Relayable } from './first-call.ts';
import { ACK, DATA, type FrameHeader, goAwayFrame, RST_STREAM, SETTINGS, windowUpdateFrame } from './h2-frames.ts';
import { intoBuffers, moved, widen } from './read-buffers.ts';
import { type RelayDestination, routeFields } from './route.ts';
import { LINGER_MS } from './settings.ts';

export interface RelayOptions {
  /** Paused. The relay moves the connection into a socket of its own. */
  readonly client: Socket;
  /** The daemon's socket. */
  readonly path: string;
  readonly what: Relayable;
  readonly log: Log;
  /** The client has called somebody else on this connection, and was told to take another. */
  readonly onMixed: () => void;
}

/** Bytes in a buffer that is used again when all writes of them are done. */
interface Lease {
  /** Writes under way, and one more while there may come others. */
  writes: number;
  readonly release: () => void;
}

function returnLease(lease: Lease): void {
  lease.writes--;
  if (lease.writes === 0) lease.release();
}

export class Relay implements ClientFramesListener {
  readonly #options: RelayOptions;
  #client: Socket;
  readonly #daemon: Socket;
  readonly #frames: ClientFrames;
  readonly #daemonFrames: DaemonFrames;
  /** The bytes at hand. */
  #lease: Lease = { writes: 0, release: () => undefined };
  readonly #open: Set<number>;
  #last: number;
  #owesAck: boolean;
  /** Frames of ours that wait for a boundary. */
  readonly #waiting: Buffer[] = [];
  #hasGoneAway = false;
  /** The highest stream that the daemon has not refused itself. */
  #daemonLast = 0x7fff_ffff;
  #dropped = 0;
  #isOver = false;

  private constructor(options: RelayOptions, opened: (isUp: boolean) => void) {
    const { client, what } = options;
    this.#options = options;
    this.#client = client;
    this.#frames = what.frames;
    this.#open = new Set(what.streams);
    this.#last = Math.max(0, ...what.streams);
    this.#owesAck = what.owesAck;
    this.#daemonFrames = new DaemonFrames(
      {
        ended: (id) => this.#open.delete(id),
        tableSize: (size) => this.#frames.decoder.allow(size),
        goAway: (id) => {
          this.#daemonLast = Math.min(this.#daemonLast, id);
        },
      },
      what.hasSettings,
    );
    this.#daemon = connect({
      path: options.path,
      onread: intoBuffers((bytes, release) => this.#onDaemonData(bytes, release)),
    });
    let isUp = false;
    this.#daemon.once('connect', () => {
      isUp = true;
      opened(true);
    });
    this.#daemon.on('error', (error) => {
      options.log.debug({ daemon: what.destination, error: error.message }, 'a relayed connection failed');
    });
    this.#daemon.once('close', () => {
      if (isUp) this.#finish();
      else opened(false);
    });
  }

  /** Connects to the daemon; undefined when it does not answer, and then nothing has happened to the client. */
  static open(options: RelayOptions): Promise<Relay | undefined> {
    return new Promise((resolve) => {
      const relay = new Relay(options, (isUp) => {
        resolve(isUp && relay.#start() ? relay : undefined);
      });
    });
  }

  /** Has the client take another connection for what is new; what is under way goes on, and then this one is closed. */
  goAway(): void {
    if (this.#hasGoneAway) return;
    this.#hasGoneAway = true;
    this.#inject(goAwayFrame(Math.min(this.#last, this.#daemonLast)));
    this.#finishWhenDone();
  }

  /** The client's connection; another socket than the one that was accepted. */
  get client(): Socket {
    return this.#client;
  }

  get destination(): RelayDestination {
    return this.#options.what.destination;
  }

  /** False when the client has gone. */
  #start(): boolean {
    const { what, log } = this.#options;
    const daemon = this.#daemon;
    const read = intoBuffers((bytes, release) => this.#onClientData(bytes, release));
    const client = moved(this.#client, read);
    if (client === undefined) {
      daemon.destroy();
      return false;
    }
    this.#client = client.socket;
    this.#frames.listener = this;
    client.socket.on('error', (error) => log.debug({ error: error.message }, 'a relayed connection failed'));
    client.socket.once('close', () => daemon.destroy());
    client.socket.on('drain', () => daemon.resume());
    daemon.on('drain', () => client.socket.resume());
    widen(daemon);
    for (const bytes of what.sent) daemon.write(bytes);
    this.#onClientData(client.rest, () => undefined);
    return true;
  }

  /** False pauses the client until the daemon has drained. */
  #onClientData(bytes: Buffer, release: () => void): boolean {
    if (this.#isOver || bytes.length === 0) {
      release();
      return true;
    }
    const lease = { writes: 1, release };
    this.#lease = lease;
    try {
      this.#frames.push(bytes);
    } catch (error) {
      this.#options.log.debug(
        { error: (error as Error).message },
        'closing a connection that breaks the rules of HTTP/2',
      );
      this.#client.destroy();
      return true;
    }
    if (this.#dropped > 0) {
      // What went nowhere counts against the window of the streams that go on (RFC 9113, 6.8).
      this.#inject(windowUpdateFrame(this.#dropped));
      this.#dropped = 0;
    }
    returnLease(lease);
    this.#finishWhenDone();
    return !this.#daemon.writableNeedDrain;
  }

  frame({ type, flags, streamId, length }: FrameHeader): boolean {
    if (type === SETTINGS && (flags & ACK) !== 0 && this.#owesAck) {
      this.#owesAck = false;
      return false;
    }
    if (streamId > this.#last && this.#hasGoneAway) {
      if (type === DATA) this.#dropped += length;
      return false;
    }
    if (type === RST_STREAM) this.#open.delete(streamId);
    return true;
  }

  fields(streamId: number, fields: readonly string[]): 'pass' | 'drop' | 'rewrite' {
    // The daemon has not seen the blocks that were dropped, so its table is not the client's any more.
    if (streamId <= this.#last) return this.#hasGoneAway ? 'rewrite' : 'pass';
    if (!this.#hasGoneAway && routeFields(fields) === this.#options.what.destination) {
      this.#last = streamId;
      this.#open.add(streamId);
      return 'pass';
    }
    if (!this.#hasGoneAway) {
      this.#options.onMixed();
      this.goAway();
    }
    return 'drop';
  }

  output(bytes: Buffer): void {
    if (this.#daemon.destroyed) return;
    const lease = this.#lease;
    lease.writes++;
    this.#daemon.write(bytes, () => returnLease(lease));
  }

  /** False pauses the daemon until the client has drained. */
  #onDaemonData(bytes: Buffer, release: () => void): boolean {
    const client = this.#client;
    if (client.destroyed || client.writableEnded) return true;
    let at = 0;
    while (this.#waiting.length > 0 && at < bytes.length) {
      const to = this.#daemonFrames.push(bytes, at, true);
      client.write(bytes.subarray(at, to));
      at = to;
      if (this.#daemonFrames.atBoundary) this.#injectWaiting();
    }
    this.#daemonFrames.push(bytes, at, false);
    const takesMore = client.write(at === 0 ? bytes : bytes.subarray(at), release);
    this.#finishWhenDone();
    return takesMore;
  }

  #inject(frame: Buffer): void {
    this.#waiting.push(frame);
    if (this.#daemonFrames.atBoundary) this.#injectWaiting();
  }

  #injectWaiting(): void {
    for (const frame of this.#waiting.splice(0)) if (!this.#client.writableEnded) this.#client.write(frame);
  }

  #finishWhenDone(): void {
    if (!this.#hasGoneAway || this.#open.size > 0 || this.#waiting.length > 0) return;
    if (this.#daemonFrames.atBoundary) this.#finish();
  }

  /** The client reads all that was written, however slowly; one that stands still is cut. What it still sends goes nowhere. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#daemon.destroy();
    const client = this.#client;
    if (client.destroyed) return;
    client.resume();
    client.end();
    // Node's timeout begins anew with every part of a write that the kernel has taken.
    client.setTimeout(LINGER_MS, () => client.destroy());
  }
}
