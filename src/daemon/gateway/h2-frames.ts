/** Frames of HTTP/2 (RFC 9113) as far as a relay looks at them: their nine bytes of header, and the few that it sends itself. */

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const ACK = 0x1;
export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY_FIELDS = 0x20;

export const SETTINGS_HEADER_TABLE_SIZE = 1;

/** What a client sends first (RFC 9113, 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const HEADER_LENGTH = 9;

/** Payload of a frame that every reader takes (SETTINGS_MAX_FRAME_SIZE at its least). */
const SAFE_PAYLOAD = 16_384;

/** Bytes of a header block and of what else is held back; more than any reader of ours takes. */
export const MAX_HELD = 1 << 20;

/** The peer breaks HTTP/2: the connection cannot go on. */
export class H2Error extends Error {}

export interface FrameHeader {
  /** Bytes of payload. */
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

/** Reads nine bytes of frame header. */
export function parseHeader(bytes: Buffer): FrameHeader {
  return {
    length: bytes.readUIntBE(0, 3),
    type: bytes.readUInt8(3),
    flags: bytes.readUInt8(4),
    streamId: bytes.readUInt32BE(5) & 0x7fff_ffff,
  };
}

/** One frame. */
export function encodeFrame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** GOAWAY with NO_ERROR: streams above this id were not looked at and may be tried elsewhere (RFC 9113, 6.8). */
export function goAwayFrame(lastStreamId: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStreamId, 0);
  return encodeFrame(GOAWAY, 0, 0, payload);
}

/** Gives the peer this many bytes of the connection's window back. */
export function windowUpdateFrame(increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment, 0);
  return encodeFrame(WINDOW_UPDATE, 0, 0, payload);
}

/** A header block as HEADERS and as many CONTINUATIONs as it needs. */
export function headersFrames(streamId: number, block: Buffer, endStream: boolean): Buffer {
  const frames: Buffer[] = [];
  let at = 0;
  do {
    const part = block.subarray(at, at + SAFE_PAYLOAD);
    const flags = (at === 0 && endStream ? END_STREAM : 0) | (at + part.length >= block.length ? END_HEADERS : 0);
    frames.push(encodeFrame(at === 0 ? HEADERS : CONTINUATION, flags, streamId, part));
    at += part.length;
  } while (at < block.length);
  return Buffer.concat(frames);
}

/** The part of a header block that a HEADERS frame carries, without padding and priority (RFC 9113, 6.2). */
export function blockOf(flags: number, payload: Buffer): Buffer {
  const padded = (flags & PADDED) !== 0;
  const padding = padded ? (payload[0] ?? payload.length) : 0;
  const start = (padded ? 1 : 0) + ((flags & PRIORITY_FIELDS) !== 0 ? 5 : 0);
  if (start + padding > payload.length) throw new H2Error('a HEADERS frame with more padding than payload');
  return payload.subarray(start, payload.length - padding);
}
