/**
 * gRPC's length-prefixed messages (PROTOCOL-HTTP2: one byte of compression flag, four of big-endian length, the
 * message). We never compress and refuse what is compressed.
 */
import { Code, K3cError } from '../errors.ts';

const HEADER = 5;
const EMPTY = Buffer.alloc(0);

/** One message with its prefix, in a buffer of its own. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEADER + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, HEADER);
  return framed;
}

/** Cuts a byte stream into messages. Feed it chunks as they come; it copies only messages that span chunks. */
export class FrameDecoder {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #length = 0;

  /** @param limit largest message in bytes; a larger one is RESOURCE_EXHAUSTED. */
  constructor(limit = 64 << 20) {
    this.#limit = limit;
  }

  /** Takes a chunk and yields every message that is now complete. Throws K3cError on a malformed or oversized one. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#parts.push(chunk);
    this.#length += chunk.length;
    for (;;) {
      if (this.#length < HEADER) return;
      const head = this.#view(HEADER);
      const size = head.readUInt32BE(1);
      if (head[0] !== 0) throw new K3cError(Code.UNIMPLEMENTED, 'compressed gRPC messages are not supported');
      if (size > this.#limit) {
        throw new K3cError(
          Code.RESOURCE_EXHAUSTED,
          `a gRPC message of ${size} bytes is over the limit of ${this.#limit}`,
        );
      }
      if (this.#length < HEADER + size) return;
      yield this.#take(HEADER + size).subarray(HEADER);
    }
  }

  /** Whether bytes of an unfinished message are left: at the end of a stream that means it was cut off. */
  get pending(): boolean {
    return this.#length > 0;
  }

  /** The first n bytes, left in place. */
  #view(n: number): Buffer {
    const first = this.#parts[0] ?? EMPTY;
    if (first.length >= n) return first;
    return Buffer.concat(this.#parts, this.#length);
  }

  #take(n: number): Buffer {
    const first = this.#parts[0] ?? EMPTY;
    this.#length -= n;
    if (first.length > n) {
      this.#parts[0] = first.subarray(n);
      return first.subarray(0, n);
    }
    if (first.length === n) {
      this.#parts.shift();
      return first;
    }
    const whole = Buffer.concat(this.#parts);
    this.#parts = whole.length > n ? [whole.subarray(n)] : [];
    return whole.subarray(0, n);
  }
}
