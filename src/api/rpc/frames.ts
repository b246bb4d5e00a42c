/**
 * gRPC's length-prefixed messages (PROTOCOL-HTTP2: one byte of compression flag, four of big-endian length, the
 * message). We never compress and refuse what is compressed.
 */
import { Code, K3cError } from '../errors.ts';

const HEADER = 5;

/** The five bytes before a message of this length. */
export function prefix(length: number): Buffer {
  const head = Buffer.allocUnsafe(HEADER);
  head[0] = 0;
  head.writeUInt32BE(length, 1);
  return head;
}

/** One message with its prefix, in a buffer of its own. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEADER + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, HEADER);
  return framed;
}

/**
 * Cuts a byte stream into messages. Feed it chunks as they come; it copies only messages that span chunks, each once.
 * A message that lies in one chunk shares its memory.
 */
export class FrameDecoder {
  readonly #limit: number;
  readonly #parts: Buffer[] = [];
  #length = 0;
  /** Size of the message whose header was read, undefined while it was not. */
  #size: number | undefined;

  /** @param limit largest message in bytes; a larger one is RESOURCE_EXHAUSTED. */
  constructor(limit = 64 << 20) {
    this.#limit = limit;
  }

  /**
   * Takes a chunk and yields every message that is now complete; iterate it to the end before the next chunk. Throws
   * K3cError on a malformed or oversized one.
   */
  *push(chunk: Buffer): Generator<Buffer> {
    if (chunk.length > 0) {
      this.#parts.push(chunk);
      this.#length += chunk.length;
    }
    for (;;) {
      if (this.#size === undefined) {
        if (this.#length < HEADER) return;
        this.#size = this.#parse(this.#take(HEADER));
      }
      if (this.#length < this.#size) return;
      const message = this.#take(this.#size);
      this.#size = undefined;
      yield message;
    }
  }

  /** Whether bytes of an unfinished message are left: at the end of a stream that means it was cut off. */
  get pending(): boolean {
    return this.#length > 0 || this.#size !== undefined;
  }

  #parse(head: Buffer): number {
    const size = head.readUInt32BE(1);
    if (head[0] !== 0) throw new K3cError(Code.UNIMPLEMENTED, 'compressed gRPC messages are not supported');
    if (size > this.#limit) {
      throw new K3cError(
        Code.RESOURCE_EXHAUSTED,
        `a gRPC message of ${size} bytes is over the limit of ${this.#limit}`,
      );
    }
    return size;
  }

  /** Takes the first n of the bytes that are there. */
  #take(n: number): Buffer {
    const first = this.#parts[0];
    this.#length -= n;
    if (first === undefined || n === 0) return Buffer.alloc(0);
    if (first.length > n) {
      this.#parts[0] = first.subarray(n);
      return first.subarray(0, n);
    }
    if (first.length === n) {
      this.#parts.shift();
      return first;
    }
    const whole = Buffer.allocUnsafe(n);
    let at = 0;
    let used = 0;
    for (const part of this.#parts) {
      const wanted = Math.min(part.length, n - at);
      part.copy(whole, at, 0, wanted);
      at += wanted;
      if (wanted < part.length) this.#parts[used] = part.subarray(wanted);
      else used++;
      if (at === n) break;
    }
    this.#parts.splice(0, used);
    return whole;
  }
}
