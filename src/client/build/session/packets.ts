/**
 * fsutil's Packets, written by hand into batches: a context of many small files is a stream of 60-byte messages, and one
 * write each would cost a round of the tunnel each. Names are byte strings, which a typed encoder would spoil.
 */
import { Stat } from '../../../api/gen/github.com/tonistiigi/fsutil/types/stat.ts';
import type { FileStat } from '../context/stat.ts';
import type { RawCall } from './raw-call.ts';
import { varintLength, writeVarint } from './tunnel.ts';

export const PacketType = { stat: 0, request: 1, data: 2, fin: 3, error: 4 } as const;

/** How much of a file travels in one packet. */
export const CHUNK = 32 << 10;
const BATCH = 256 << 10;
/** Frame prefix, tag and value of type, tag and value of id, tag and length of data. */
const DATA_HEADER_MAX = 5 + 2 + 6 + 4;

/** Collects packets and hands them to the call in large writes. */
export class PacketWriter {
  readonly #call: RawCall;
  readonly #scratch = new DataView(new ArrayBuffer(8));
  #batch = Buffer.alloc(0);
  #length = 0;

  constructor(call: RawCall) {
    this.#call = call;
  }

  /** One entry of the tree. */
  stat(stat: FileStat): void {
    const xattrs = encodeXattrs(stat.xattrs);
    const bodyMax = 64 + (stat.path.length + stat.linkname.length) + xattrs.length;
    this.#reserve(5 + 8 + bodyMax);
    const body = this.#encodeStat(stat, xattrs, this.#length + 5 + 1 + 5);
    const start = this.#length;
    // The stat was written behind the longest prefix there can be; now it moves up against the real one.
    const at = this.#prefix(start, 1 + varintLength(body.end - body.start) + (body.end - body.start));
    this.#batch[at] = 0x12;
    const data = writeVarint(this.#batch, at + 1, body.end - body.start);
    this.#batch.copyWithin(data, body.start, body.end);
    this.#length = data + (body.end - body.start);
  }

  /** The end of the list of entries: a packet of the type stat with nothing in it. */
  endOfStats(): void {
    this.#reserve(5);
    this.#length = this.#prefix(this.#length, 0);
  }

  /**
   * A piece of a file, read straight into the batch.
   *
   * @param read fills the buffer and returns how many bytes it wrote; 0 says that the file ends
   * @returns what `read` returned
   */
  data(id: number, read: (target: Buffer) => number): number {
    this.#reserve(DATA_HEADER_MAX + CHUNK);
    const start = this.#length;
    const idLength = id === 0 ? 0 : 1 + varintLength(id);
    // The length of the data always takes three bytes, so that it can be read before its length is known.
    const header = 2 + idLength + 4;
    const dataAt = start + 5 + header;
    const count = read(this.#batch.subarray(dataAt, dataAt + CHUNK));
    let at = this.#prefix(start, count === 0 ? 2 + idLength : header + count);
    this.#batch[at++] = 0x08;
    this.#batch[at++] = PacketType.data;
    if (id !== 0) {
      this.#batch[at++] = 0x18;
      at = writeVarint(this.#batch, at, id);
    }
    if (count > 0) {
      this.#batch[at++] = 0x22;
      this.#batch[at++] = (count & 0x7f) | 0x80;
      this.#batch[at++] = ((count >> 7) & 0x7f) | 0x80;
      this.#batch[at++] = count >> 14;
    }
    this.#length = at + count;
    return count;
  }

  /** Asks the peer for the content of its entry of this number. */
  request(id: number): void {
    this.#typed(PacketType.request, id, undefined);
  }

  fin(): void {
    this.#typed(PacketType.fin, 0, undefined);
  }

  error(message: string): void {
    this.#typed(PacketType.error, 0, Buffer.from(message, 'utf8'));
  }

  /** Hands over what was collected. */
  flush(): void {
    if (this.#length === 0) return;
    this.#call.write(this.#batch.subarray(0, this.#length));
    this.#batch = this.#batch.subarray(this.#length);
    this.#length = 0;
  }

  #typed(type: number, id: number, data: Buffer | undefined): void {
    const idLength = id === 0 ? 0 : 1 + varintLength(id);
    const dataLength = data === undefined ? 0 : 1 + varintLength(data.length) + data.length;
    this.#reserve(5 + 2 + idLength + dataLength);
    let at = this.#prefix(this.#length, 2 + idLength + dataLength);
    this.#batch[at++] = 0x08;
    this.#batch[at++] = type;
    if (id !== 0) {
      this.#batch[at++] = 0x18;
      at = writeVarint(this.#batch, at, id);
    }
    if (data !== undefined) {
      this.#batch[at++] = 0x22;
      at = writeVarint(this.#batch, at, data.length);
      this.#batch.set(data, at);
      at += data.length;
    }
    this.#length = at;
  }

  #prefix(at: number, size: number): number {
    this.#batch[at] = 0;
    this.#batch.writeUInt32BE(size, at + 1);
    return at + 5;
  }

  #reserve(size: number): void {
    if (this.#length >= BATCH) this.flush();
    if (this.#batch.length - this.#length >= size) return;
    this.flush();
    this.#batch = Buffer.allocUnsafeSlow(Math.max(BATCH + DATA_HEADER_MAX + CHUNK, size));
  }

  /** The fields of fsutil.types.Stat (uid and gid are always 0, as BuildKit's clients send them). */
  #encodeStat(stat: FileStat, xattrs: Buffer, start: number): { start: number; end: number } {
    const out = this.#batch;
    let at = start;
    const text = (tag: number, value: string) => {
      if (value === '') return;
      out[at++] = tag;
      at = writeVarint(out, at, value.length);
      at += out.write(value, at, 'latin1');
    };
    const number = (tag: number, value: number) => {
      if (value === 0) return;
      out[at++] = tag;
      at = writeVarint(out, at, value);
    };
    text(0x0a, stat.path);
    number(0x10, stat.mode);
    number(0x28, stat.size);
    if (stat.modTime !== 0n) {
      out[at++] = 0x30;
      this.#scratch.setBigInt64(0, stat.modTime, true);
      at = writeVarint64(out, at, this.#scratch.getUint32(0, true), this.#scratch.getUint32(4, true));
    }
    text(0x3a, stat.linkname);
    number(0x40, stat.devmajor);
    number(0x48, stat.devminor);
    out.set(xattrs, at);
    at += xattrs.length;
    return { start, end: at };
  }
}

const NOTHING = Buffer.alloc(0);

/** The map of attributes as Stat's field 10: rare, so made apart. */
function encodeXattrs(xattrs: FileStat['xattrs']): Buffer {
  if (xattrs === undefined) return NOTHING;
  const fields = [...xattrs].map(([name, value]) =>
    Stat.encode(Stat.fromPartial({ xattrs: { [name]: value } })).finish(),
  );
  return Buffer.concat(fields);
}

function writeVarint64(out: Uint8Array, start: number, lowWord: number, highWord: number): number {
  let low = lowWord;
  let high = highWord;
  let at = start;
  while (high !== 0 || low >= 0x80) {
    out[at++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  out[at++] = low;
  return at;
}
