/** The front door's frames (src/launcher/README.md): one byte of type, four of little-endian size, the bytes. */

/** Frames from the launcher. */
export const In = { HELLO: 0, STDIN: 1, STDIN_END: 2, SIGNAL: 3, WINDOW: 4, GO: 5 } as const;
/** Frames to the launcher. */
export const Out = { STDOUT: 1, STDERR: 2, EXIT: 3, WANT: 4, RAW: 5, DECLINE: 6, ACCEPT: 7 } as const;

export interface Frame {
  readonly type: number;
  readonly data: Buffer;
}

const HEADER = 5;
/** A HELLO carries the environment, which the kernel limits to 6 MB or so; everything else is far smaller. */
const LIMIT = 16 << 20;

/** The bytes of a frame's head; the data follows as it is. */
export function frameHead(type: number, size: number): Buffer {
  const head = Buffer.allocUnsafe(HEADER);
  head[0] = type;
  head.writeUInt32LE(size, 1);
  return head;
}

/** A frame that carries one number. */
export function numberFrame(type: number, value: number): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + 4);
  frame[0] = type;
  frame.writeUInt32LE(4, 1);
  frame.writeUInt32LE(value >>> 0, HEADER);
  return frame;
}

/** Cuts a byte stream into frames. Those of STDIN come in pieces, as they arrive: their bytes are not put together first. */
export class DoorDecoder {
  #rest: Buffer = Buffer.alloc(0);
  /** What is to come of a frame of STDIN. */
  #stdinLeft = 0;

  /** Yields the frames that are complete now. Throws RangeError when one claims to be larger than any can be. */
  *push(chunk: Buffer): Generator<Frame> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#stdinLeft > 0) {
        const data = bytes.subarray(0, this.#stdinLeft);
        if (data.length === 0) break;
        this.#stdinLeft -= data.length;
        bytes = bytes.subarray(data.length);
        yield { type: In.STDIN, data };
        continue;
      }
      if (bytes.length < HEADER) break;
      const size = bytes.readUInt32LE(1);
      if (size > LIMIT) throw new RangeError(`a frame of ${size} bytes`);
      if (bytes[0] === In.STDIN) {
        this.#stdinLeft = size;
        bytes = bytes.subarray(HEADER);
        continue;
      }
      if (bytes.length < HEADER + size) break;
      yield { type: bytes[0] as number, data: bytes.subarray(HEADER, HEADER + size) };
      bytes = bytes.subarray(HEADER + size);
    }
    this.#rest = bytes;
  }
}
