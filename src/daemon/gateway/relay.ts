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
import { routeFields } from './route.ts';
import { LINGER_MS, RELAY_READ } from './settings.ts';

export interface RelayOptions {
  /** Paused; its errors are its owner's to hear. */
  readonly client: Socket;
  /** The daemon's socket. */
  readonly path: string;
  readonly what: Relayable;
  readonly log: Log;
  /** The client has called somebody else on this connection, and was told to take another. */
  readonly onMixed: () => void;
}

export class Relay implements ClientFramesListener {
  readonly #options: RelayOptions;
  readonly #client: Socket;
  readonly #daemon: Socket;
  readonly #frames: ClientFrames;
  readonly #daemonFrames: DaemonFrames;
  readonly #free: Buffer[] = [];
  #reading: Buffer = Buffer.alloc(0);
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
      onread: { buffer: () => this.#nextBuffer(), callback: (length) => this.#onDaemonData(length) },
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
        if (isUp) relay.#start();
        resolve(isUp ? relay : undefined);
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

  #start(): void {
    const client = this.#client;
    const daemon = this.#daemon;
    if (client.destroyed) {
      daemon.destroy();
      return;
    }
    this.#frames.listener = this;
    for (const bytes of this.#options.what.sent) daemon.write(bytes);
    daemon.on('drain', () => client.resume());
    client.on('drain', () => daemon.resume());
    client.once('close', () => daemon.destroy());
    client.on('data', (chunk: Buffer) => this.#onClientData(chunk));
    client.resume();
  }

  #onClientData(chunk: Buffer): void {
    try {
      this.#frames.push(chunk);
    } catch (error) {
      this.#options.log.debug(
        { error: (error as Error).message },
        'closing a connection that breaks the rules of HTTP/2',
      );
      this.#client.destroy();
      return;
    }
    if (this.#dropped > 0) {
      // What went nowhere counts against the window of the streams that go on (RFC 9113, 6.8).
      this.#inject(windowUpdateFrame(this.#dropped));
      this.#dropped = 0;
    }
    if (this.#daemon.writableNeedDrain) this.#client.pause();
    this.#finishWhenDone();
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
    if (!this.#daemon.destroyed) this.#daemon.write(bytes);
  }

  /** Buffers go round: each is free again when what was read into it has been written. */
  #nextBuffer(): Buffer {
    this.#reading = this.#free.pop() ?? Buffer.allocUnsafeSlow(RELAY_READ);
    return this.#reading;
  }

  /** False pauses the daemon until the client has drained. */
  #onDaemonData(length: number): boolean {
    const buffer = this.#reading;
    const client = this.#client;
    if (client.destroyed || client.writableEnded) return true;
    let at = 0;
    while (this.#waiting.length > 0 && at < length) {
      const to = this.#daemonFrames.push(buffer.subarray(0, length), at, true);
      client.write(buffer.subarray(at, to));
      at = to;
      if (this.#daemonFrames.atBoundary) this.#injectWaiting();
    }
    this.#daemonFrames.push(buffer.subarray(0, length), at, false);
    const takesMore = client.write(buffer.subarray(at, length), () => this.#free.push(buffer));
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

  /** The client reads all that was written, and is cut when it does not. What it still sends goes nowhere. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#daemon.destroy();
    const client = this.#client;
    if (client.destroyed) return;
    client.resume();
    client.end();
    const late = setTimeout(() => client.destroy(), LINGER_MS);
    client.once('close', () => clearTimeout(late));
  }
}
