/**
 * Walks over the frames that a daemon sends: which streams it has ended, what it announces, and where a frame of ours may
 * stand between two of its own. Payloads are not touched.
 */
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  type FrameHeader,
  GOAWAY,
  HEADER_LENGTH,
  HEADERS,
  MAX_HELD,
  parseHeader,
  RST_STREAM,
  SETTINGS,
  SETTINGS_HEADER_TABLE_SIZE,
} from './h2-frames.ts';

export interface DaemonFramesListener {
  /** The daemon has ended or reset a stream; its last frame may still be on the way. */
  ended(streamId: number): void;
  /** The table it allows the client's encoder, in bytes. */
  tableSize(size: number): void;
  /** It takes no streams above this id. */
  goAway(lastStreamId: number): void;
}

export class DaemonFrames {
  readonly #listener: DaemonFramesListener;
  readonly #partial = Buffer.alloc(HEADER_LENGTH);
  #have = 0;
  #left = 0;
  #header: FrameHeader = { length: 0, type: 0, flags: 0, streamId: 0 };
  #payload: Buffer[] | undefined;
  #inBlock = false;
  #hasBegun: boolean;

  /** @param hasBegun whether the client has had SETTINGS already, which must come first (RFC 9113, 3.4) */
  constructor(listener: DaemonFramesListener, hasBegun: boolean) {
    this.#listener = listener;
    this.#hasBegun = hasBegun;
  }

  /** Whether a frame of ours may follow now: no frame and no header block is under way. */
  get atBoundary(): boolean {
    return this.#hasBegun && this.#have === 0 && this.#left === 0 && !this.#inBlock;
  }

  /** Takes the bytes from `at` on, up to the end or to the first boundary; returns where it stopped. */
  push(chunk: Buffer, start: number, toBoundary: boolean): number {
    let at = start;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left);
        // A copy: the rest of it may come when the chunk's buffer has been read into again.
        this.#payload?.push(Buffer.from(chunk.subarray(at, end)));
        this.#left -= end - at;
        at = end;
      } else {
        const end = Math.min(chunk.length, at + HEADER_LENGTH - this.#have);
        chunk.copy(this.#partial, this.#have, at, end);
        this.#have += end - at;
        at = end;
        if (this.#have < HEADER_LENGTH) break;
        this.#have = 0;
        this.#begin(parseHeader(this.#partial));
      }
      if (this.#left === 0) {
        this.#end();
        if (toBoundary && this.atBoundary) break;
      }
    }
    return at;
  }

  #begin(header: FrameHeader): void {
    const { type, flags } = header;
    this.#header = header;
    this.#left = header.length;
    const isOfInterest = type === GOAWAY || (type === SETTINGS && (flags & ACK) === 0);
    this.#payload = isOfInterest && header.length <= MAX_HELD ? [] : undefined;
    if (type === HEADERS || type === CONTINUATION) this.#inBlock = (flags & END_HEADERS) === 0;
  }

  #end(): void {
    const { type, flags, streamId } = this.#header;
    this.#hasBegun = true;
    if (type === RST_STREAM || ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0)) {
      this.#listener.ended(streamId);
    }
    if (this.#payload === undefined) return;
    const payload = Buffer.concat(this.#payload);
    this.#payload = undefined;
    if (type === GOAWAY) {
      if (payload.length >= 8) this.#listener.goAway(payload.readUInt32BE(0) & 0x7fff_ffff);
      return;
    }
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) === SETTINGS_HEADER_TABLE_SIZE)
        this.#listener.tableSize(payload.readUInt32BE(at + 2));
    }
  }
}
