/** The byte stream inside a Session call: BuildKit wraps HTTP/2 in BytesMessages, with us as the server of the inner one. */
import type { ClientHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { FrameDecoder } from '../../../api/rpc/frames.ts';

/** Messages stay well below the daemon's limit of 16 MB. */
const MESSAGE_LIMIT = 4 << 20;

/** A gRPC frame around `message BytesMessage { bytes data = 1; }` around these chunks, in one buffer. */
export function frameBytes(chunks: readonly Uint8Array[]): Buffer {
  let size = 0;
  for (const chunk of chunks) size += chunk.length;
  const header = size === 0 ? 0 : 1 + varintLength(size);
  const out = Buffer.allocUnsafe(5 + header + size);
  out[0] = 0;
  out.writeUInt32BE(header + size, 1);
  let at = 5;
  if (size > 0) {
    out[at++] = 0x0a;
    at = writeVarint(out, at, size);
  }
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

/** The data field of an encoded BytesMessage, without a copy. */
export function dataOf(message: Buffer): Buffer {
  if (message[0] !== 0x0a) return message.subarray(message.length);
  let at = 1;
  while (((message[at] ?? 0) & 0x80) !== 0) at++;
  return message.subarray(at + 1);
}

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes a non-negative integer below 2^53 as a varint and returns where the next byte goes. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    out[next++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  out[next++] = rest;
  return next;
}

/** A duplex of the raw bytes that travel through a Session call. Destroying it cancels the call. */
export class Tunnel extends Duplex {
  readonly #stream: ClientHttp2Stream;
  readonly #decoder = new FrameDecoder();

  constructor(stream: ClientHttp2Stream) {
    super({ writableHighWaterMark: 1 << 20, readableHighWaterMark: 1 << 20 });
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      try {
        for (const message of this.#decoder.push(chunk)) if (!this.push(dataOf(message))) stream.pause();
      } catch (error) {
        this.destroy(error as Error);
      }
    });
    stream.on('end', () => this.push(null));
    stream.on('error', () => {
      // 'close' follows; the solve reports what was lost.
    });
    stream.once('close', () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#stream.destroyed) this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#stream.closed && !this.#stream.destroyed) this.#stream.close();
    done(error);
  }

  #send(chunks: readonly Buffer[], done: (error?: Error | null) => void): void {
    if (this.#stream.destroyed || this.#stream.closed) {
      done(new Error('the build session is over'));
      return;
    }
    let batch: Buffer[] = [];
    let size = 0;
    for (const chunk of chunks) {
      if (size > 0 && size + chunk.length > MESSAGE_LIMIT) {
        this.#stream.write(frameBytes(batch));
        batch = [];
        size = 0;
      }
      batch.push(chunk);
      size += chunk.length;
    }
    this.#stream.write(frameBytes(batch), (error) => done(error));
  }
}
