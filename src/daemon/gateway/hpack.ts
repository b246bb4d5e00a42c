/**
 * HPACK (RFC 7541) as far as a relay needs it: a decoder that keeps the dynamic table of a connection, and an encoder that
 * leaves the table of its reader alone. Fields are flat lists of names and values, one character for each byte.
 */
import { HUFFMAN_COUNTS, HUFFMAN_SYMBOLS, STATIC_TABLE } from './hpack-tables.ts';

/** SETTINGS_HEADER_TABLE_SIZE before anybody has announced another (RFC 9113, 6.5.2). */
const DEFAULT_TABLE_SIZE = 4096;

/** What an entry counts beside its name and value (RFC 7541, 4.1). */
const ENTRY_OVERHEAD = 32;

/** Bytes of all names and values of a block: a few bytes that point at one large entry make a very long list. */
const MAX_LIST_SIZE = 1 << 20;

/** 5.2: `huffman` is the first bit of a string's length, which leaves it seven. */
const HUFFMAN_BIT = 0x80;

const END_OF_STRING = 256;

/** A header block that breaks RFC 7541: COMPRESSION_ERROR, the connection cannot go on. */
export class HpackError extends Error {}

export class HpackDecoder {
  /** Newest last, so that entering one moves nothing. */
  readonly #entries: (readonly [name: string, value: string])[] = [];
  #size = 0;
  #maximum = DEFAULT_TABLE_SIZE;
  #allowed = DEFAULT_TABLE_SIZE;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /**
   * The reader of this connection allows the encoder a table of this many bytes. A smaller size is not enforced: blocks that
   * were sent before the encoder learned of it may still use the larger one, and the encoder says itself when it changes.
   */
  allow(size: number): void {
    this.#allowed = Math.max(this.#allowed, size);
  }

  /** Fields of one whole block. Throws HpackError; the decoder is of no use then. */
  decode(block: Buffer): string[] {
    this.#block = block;
    this.#at = 0;
    const fields: string[] = [];
    let total = 0;
    while (this.#at < block.length) {
      const first = block[this.#at] ?? 0;
      let entry: readonly [string, string];
      if ((first & 0x80) !== 0) entry = this.#entry(this.#integer(7));
      else if ((first & 0xc0) === 0x40) {
        entry = this.#literal(6);
        this.#enter(entry);
      } else if ((first & 0xe0) === 0x20) {
        // 4.2: only at the beginning of a block.
        if (fields.length > 0) throw new HpackError('a change of the table size after a field');
        this.#resize(this.#integer(5));
        continue;
      } else entry = this.#literal(4);
      total += entry[0].length + entry[1].length + ENTRY_OVERHEAD;
      if (total > MAX_LIST_SIZE) throw new HpackError('a header list of more than a megabyte');
      fields.push(entry[0], entry[1]);
    }
    return fields;
  }

  #literal(prefix: number): readonly [string, string] {
    const index = this.#integer(prefix);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #entry(index: number): readonly [string, string] {
    const at = index - 1;
    const entry =
      at < STATIC_TABLE.length
        ? STATIC_TABLE[at]
        : this.#entries[this.#entries.length - 1 - (at - STATIC_TABLE.length)];
    if (entry === undefined) throw new HpackError(`no entry ${index} in the table`);
    return entry;
  }

  /** An entry larger than the table empties it and is no error (4.4). */
  #enter(entry: readonly [string, string]): void {
    this.#entries.push(entry);
    this.#size += sizeOf(entry);
    this.#evict();
  }

  #resize(size: number): void {
    if (size > this.#allowed) throw new HpackError(`a table of ${size} bytes, of ${this.#allowed} allowed`);
    this.#maximum = size;
    this.#evict();
  }

  #evict(): void {
    let oldest = 0;
    for (; this.#size > this.#maximum; oldest++) {
      const entry = this.#entries[oldest];
      if (entry === undefined) break;
      this.#size -= sizeOf(entry);
    }
    if (oldest > 0) this.#entries.splice(0, oldest);
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new HpackError('a header block that ends too early');
    this.#at++;
    return byte;
  }

  /** 5.1, in a prefix of so many bits. */
  #integer(prefix: number): number {
    const limit = (1 << prefix) - 1;
    let value = this.#byte() & limit;
    if (value < limit) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new HpackError('an integer of more than 28 bits');
  }

  #string(): string {
    const isHuffman = ((this.#block[this.#at] ?? 0) & HUFFMAN_BIT) !== 0;
    const length = this.#integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new HpackError('a string that is longer than its block');
    this.#at += length;
    return isHuffman ? decodeHuffman(bytes) : bytes.toString('latin1');
  }
}

function sizeOf([name, value]: readonly [string, string]): number {
  return name.length + value.length + ENTRY_OVERHEAD;
}

/** Bit by bit through the canonical code: `first` is the first code of this length, `index` its place among the symbols. */
function decodeHuffman(bytes: Buffer): string {
  const decoded = Buffer.allocUnsafe((bytes.length * 8) / 5 + 1);
  let written = 0;
  let code = 0;
  let length = 0;
  let first = 0;
  let index = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      first <<= 1;
      length++;
      const count = HUFFMAN_COUNTS[length];
      if (count === undefined) throw new HpackError('a string that is not Huffman code');
      if (code - first >= count) {
        first += count;
        index += count;
        continue;
      }
      const symbol = HUFFMAN_SYMBOLS[index + code - first] ?? END_OF_STRING;
      if (symbol === END_OF_STRING) throw new HpackError('the end of a string within it');
      decoded[written++] = symbol;
      code = 0;
      length = 0;
      first = 0;
      index = 0;
    }
  }
  // 5.2: what fills the last byte are ones, and fewer than eight.
  if (length > 7 || code !== (1 << length) - 1) throw new HpackError('a string with a wrong padding');
  return decoded.toString('latin1', 0, written);
}

/** A block of literals that neither needs nor changes a table (6.2.2), for a reader whose table we do not know. */
export function encodeLiterals(fields: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    parts.push(Buffer.of(0), encodeString(fields[i] ?? ''), encodeString(fields[i + 1] ?? ''));
  }
  return Buffer.concat(parts);
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}
