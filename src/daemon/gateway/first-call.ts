/**
 * Looks at a new connection until its first call tells which daemon it is for, without speaking for anybody: all a client
 * may get before that is an empty SETTINGS, because grpc-go sends no call until it has some.
 */
import type { Socket } from 'node:net';
import { ClientFrames, type ClientFramesListener } from './client-frames.ts';
import {
  ACK,
  encodeFrame,
  type FrameHeader,
  H2Error,
  HEADER_LENGTH,
  MAX_HELD,
  PREFACE,
  PRIORITY,
  SETTINGS,
  WINDOW_UPDATE,
} from './h2-frames.ts';
import type { RelayDestination } from './route.ts';

/** SETTINGS_MAX_FRAME_SIZE before anybody has announced another. */
const MAX_FRAME = 16_384;

/** A connection of which all calls so far are for one daemon, with all that a relay needs to go on. */
export interface Relayable {
  readonly destination: RelayDestination;
  readonly frames: ClientFrames;
  /** What the client sent, preface included. */
  readonly sent: readonly Buffer[];
  /** Streams that it has opened. */
  readonly streams: readonly number[];
  /** Whether it was sent SETTINGS. */
  readonly hasSettings: boolean;
  /** Whether it has not acknowledged them yet. */
  readonly owesAck: boolean;
}

export interface FirstCallListener {
  /** The daemon that a call may be relayed to; undefined for all others. */
  route(fields: readonly string[]): RelayDestination | undefined;
  /** The client speaks HTTP/2. */
  spoken(): void;
  /** All calls so far are for one daemon. The socket is paused. */
  relay(what: Relayable): void;
  /** Anything else: an HTTP/2 server takes the connection from its first byte on. The socket is paused. */
  serve(received: Buffer): void;
  /** The client breaks HTTP/2, or sends too much before it has told what it wants. */
  failed(error: Error): void;
}

export class FirstCall implements ClientFramesListener {
  readonly #socket: Socket;
  readonly #listener: FirstCallListener;
  readonly #frames: ClientFrames;
  readonly #received: Buffer[] = [];
  readonly #sent: Buffer[] = [PREFACE];
  readonly #streams: number[] = [];
  #size = 0;
  #prefaceLeft = PREFACE.length;
  #isFirstFrame = true;
  #hasSettings = false;
  #ackStart: number | undefined;
  #verdict: RelayDestination | 'serve' | undefined;

  /** Reads from the socket at once. */
  constructor(socket: Socket, listener: FirstCallListener) {
    this.#socket = socket;
    this.#listener = listener;
    this.#frames = new ClientFrames(this);
    socket.on('data', this.#onData);
  }

  /** Whether no call has come yet. */
  get isIdle(): boolean {
    return this.#verdict === undefined;
  }

  /** Has the connection served after all, when the daemon that it was to be relayed to does not answer. */
  serve(): void {
    this.#verdict = 'serve';
    this.#socket.on('data', this.#onData);
    if (!this.#finish()) this.#socket.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received.push(chunk);
    this.#size += chunk.length;
    try {
      if (this.#size > MAX_HELD) throw new H2Error('more than a megabyte before the first call');
      this.#read(chunk);
    } catch (error) {
      this.#stop();
      this.#listener.failed(error as Error);
      return;
    }
    if (this.#finish() || this.#prefaceLeft > 0 || this.#hasSettings) return;
    this.#hasSettings = true;
    this.#socket.write(encodeFrame(SETTINGS, 0, 0));
  };

  #read(chunk: Buffer): void {
    const start = PREFACE.length - this.#prefaceLeft;
    const preface = chunk.subarray(0, this.#prefaceLeft);
    if (preface.length > 0 && !preface.equals(PREFACE.subarray(start, start + preface.length))) {
      this.#verdict = 'serve';
      this.#prefaceLeft = 0;
    } else {
      this.#prefaceLeft -= preface.length;
      if (chunk.length > preface.length) this.#frames.push(chunk.subarray(preface.length));
    }
  }

  /** Tells the verdict when there is one. With SETTINGS of ours, another server must not see their acknowledgement. */
  #finish(): boolean {
    const verdict = this.#verdict;
    const owesAck = this.#hasSettings && this.#ackStart === undefined;
    if (verdict === undefined || (verdict === 'serve' && owesAck)) return false;
    this.#stop();
    if (verdict === 'serve') this.#listener.serve(this.#withoutAck());
    else {
      this.#listener.spoken();
      this.#listener.relay({
        destination: verdict,
        frames: this.#frames,
        sent: this.#sent,
        streams: this.#streams,
        hasSettings: this.#hasSettings,
        owesAck,
      });
    }
    return true;
  }

  #withoutAck(): Buffer {
    const all = Buffer.concat(this.#received);
    if (this.#ackStart === undefined) return all;
    const start = PREFACE.length + this.#ackStart;
    return Buffer.concat([all.subarray(0, start), all.subarray(start + HEADER_LENGTH)]);
  }

  #stop(): void {
    this.#socket.pause();
    this.#socket.off('data', this.#onData);
  }

  frame({ type, flags, length }: FrameHeader): boolean {
    if (length > MAX_FRAME) throw new H2Error(`a frame of ${length} bytes`);
    const isAck = type === SETTINGS && (flags & ACK) !== 0;
    if (this.#isFirstFrame && (type !== SETTINGS || isAck))
      throw new H2Error('a connection that begins without SETTINGS');
    this.#isFirstFrame = false;
    if (isAck && this.#hasSettings && this.#ackStart === undefined) {
      this.#ackStart = this.#frames.frameStart;
      this.#listener.spoken();
      return false;
    }
    // A PING wants an answer, and nobody is there to give it.
    if (type !== SETTINGS && type !== WINDOW_UPDATE && type !== PRIORITY) this.#verdict ??= 'serve';
    return true;
  }

  fields(streamId: number, fields: readonly string[]): 'pass' {
    if (this.#isFirstFrame) throw new H2Error('a connection that begins without SETTINGS');
    const destination = this.#listener.route(fields) ?? 'serve';
    this.#verdict ??= destination;
    if (this.#verdict !== destination) this.#verdict = 'serve';
    this.#streams.push(streamId);
    return 'pass';
  }

  output(bytes: Buffer): void {
    this.#sent.push(bytes);
  }
}
