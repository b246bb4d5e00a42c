/**
 * Changes to a protobuf message without decoding it: what a newer peer put in, and our types do not know, stays in
 * (https://protobuf.dev/programming-guides/encoding).
 */
import { Code, K3cError } from '../../api/errors.ts';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * Passes the items of a repeated message field through a function: the same buffer keeps an item, another replaces it,
 * undefined drops it. Other fields and the order stay. Throws K3cError INTERNAL on a malformed message.
 */
export function mapItems(message: Buffer, field: number, map: (item: Buffer) => Buffer | undefined): Buffer {
  const kept: Buffer[] = [];
  let changed = false;
  let at = 0;
  while (at < message.length) {
    const start = at;
    const tag = varint(message, at);
    const body = skip(message, tag.next, tag.value & 7);
    at = body.end;
    if (tag.value >>> 3 !== field || (tag.value & 7) !== BYTES) {
      kept.push(message.subarray(start, at));
      continue;
    }
    const item = message.subarray(body.start, body.end);
    const mapped = map(item);
    if (mapped === item) kept.push(message.subarray(start, at));
    else {
      changed = true;
      if (mapped !== undefined) kept.push(message.subarray(start, tag.next), encodeVarint(mapped.length), mapped);
    }
  }
  return changed ? Buffer.concat(kept) : message;
}

/** Sets a bool field of a message: of a field that is there twice, the last one counts. */
export function appendTrue(message: Buffer, field: number): Buffer {
  return Buffer.concat([message, encodeVarint((field << 3) | VARINT), Buffer.from([1])]);
}

/** Where a field's value begins and ends; for bytes, without their length. */
function skip(message: Buffer, at: number, wireType: number): { start: number; end: number } {
  let start = at;
  let end: number;
  if (wireType === VARINT) end = varint(message, at).next;
  else if (wireType === FIXED64) end = at + 8;
  else if (wireType === FIXED32) end = at + 4;
  else if (wireType === BYTES) {
    const length = varint(message, at);
    start = length.next;
    end = start + length.value;
  } else throw malformed();
  if (end > message.length) throw malformed();
  return { start, end };
}

/** A varint; of more than 53 bits only the position after it is right, which is all that is asked of such values. */
function varint(message: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = message[at + i];
    if (byte === undefined) throw malformed();
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  throw malformed();
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function malformed(): K3cError {
  return new K3cError(Code.INTERNAL, 'an answer of containerd is not a valid protobuf message');
}
