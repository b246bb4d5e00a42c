/**
 * Netlink's wire format: messages, attributes and the scalars in them. Message and attribute headers are in the host's
 * byte order, which is little-endian on every machine k3c runs on; payloads are as each family says.
 * Source: linux/netlink.h; "Netlink specification", docs.kernel.org/userspace-api/netlink.
 */

const headerLength = 16;
const attributeHeaderLength = 4;
const nestedFlag = 0x8000;
const typeMask = 0x3fff;

/** Flags of a message header (nlmsg_flags). */
export const Flag = {
  REQUEST: 0x1,
  ACK: 0x4,
  DUMP_INTERRUPTED: 0x10,
  /** In an answer of type ERROR: the request's body was left out of it (NETLINK_CAP_ACK). */
  CAPPED: 0x100,
  /** In an answer of type ERROR: attributes with an explanation follow (NETLINK_EXT_ACK). */
  ACK_TLVS: 0x200,
  DUMP: 0x300,
  EXCLUSIVE: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const;

/** Message types that every family shares. */
export const ControlType = { NOOP: 1, ERROR: 2, DONE: 3 } as const;

/** One decoded message; `payload` is a view of the receive buffer, valid until the next read. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

/** One decoded attribute, its nesting and byte-order flags removed from the type. */
export interface Attribute {
  readonly type: number;
  readonly value: Buffer;
}

function align(length: number): number {
  return (length + 3) & ~3;
}

/** A 16-bit number in network byte order. */
export function be16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** A 32-bit number in network byte order; negative numbers as two's complement. */
export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A 64-bit number in network byte order. */
export function be64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** A 32-bit number in the host's byte order. */
export function host32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** A string with its terminating NUL. */
export function cString(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

/** A string from an attribute, up to its first NUL. */
export function parseCString(value: Buffer): string {
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end === -1 ? value.length : end);
}

/** One attribute, padded to four bytes. Throws RangeError when the value does not fit the 16-bit length. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const length = attributeHeaderLength + value.length;
  const bytes = Buffer.alloc(align(length));
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, attributeHeaderLength);
  return bytes;
}

/** An attribute that holds attributes. */
export function nested(type: number, ...attributes: readonly Uint8Array[]): Buffer {
  return attribute(type | nestedFlag, Buffer.concat(attributes));
}

/** A whole message with its header. The port id stays 0: the kernel knows the sender. */
export function message(type: number, flags: number, sequence: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(headerLength + align(payload.length));
  bytes.writeUInt32LE(headerLength + payload.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(payload, headerLength);
  return bytes;
}

/** The messages of one datagram. Stops at a header that claims more bytes than there are. */
export function* parseMessages(datagram: Buffer): Generator<Message> {
  let offset = 0;
  while (offset + headerLength <= datagram.length) {
    const length = datagram.readUInt32LE(offset);
    if (length < headerLength || offset + length > datagram.length) return;
    yield {
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      payload: datagram.subarray(offset + headerLength, offset + length),
    };
    offset += align(length);
  }
}

/** The attributes of a payload, in order. Stops at one that claims more bytes than there are. */
export function* parseAttributes(payload: Buffer): Generator<Attribute> {
  let offset = 0;
  while (offset + attributeHeaderLength <= payload.length) {
    const length = payload.readUInt16LE(offset);
    if (length < attributeHeaderLength || offset + length > payload.length) return;
    const value = payload.subarray(offset + attributeHeaderLength, offset + length);
    yield { type: payload.readUInt16LE(offset + 2) & typeMask, value };
    offset += align(length);
  }
}

/** The attributes of a payload by type; of a repeated one the last. */
export function attributeMap(payload: Buffer): Map<number, Buffer> {
  return new Map(Array.from(parseAttributes(payload), ({ type, value }) => [type, value]));
}
