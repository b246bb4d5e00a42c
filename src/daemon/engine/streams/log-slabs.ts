import { head, MAX_CONTENT, MAX_HEAD } from './log-record.ts';
import type { StreamName } from './types.ts';
import { WallClock } from './wall-clock.ts';

const NEWLINE = 0x0a;
const SLAB = 128 * 1024;
/** Most containers say little: a few lines must not cost a slab. */
const SMALL_SLAB = 4 * 1024;

/** A line that has not ended yet. */
interface Pending {
  readonly bytes: Buffer;
  length: number;
}

/** Turns output into records, gathered in slabs that end with a record. */
export class LogSlabs {
  readonly #clock = new WallClock();
  readonly #pending = new Map<StreamName, Pending>();
  #slabs: Buffer[] = [];
  #current: Buffer | undefined;
  #used = 0;
  #bytes = 0;

  /** Bytes of the records that wait to be taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a line waits for its end. */
  get hasPending(): boolean {
    return [...this.#pending.values()].some((pending) => pending.length > 0);
  }

  /** Takes the oldest slab; undefined when there is nothing. */
  take(): Buffer | undefined {
    if (this.#slabs.length === 0) this.#close();
    const slab = this.#slabs.shift();
    this.#bytes -= slab?.length ?? 0;
    return slab;
  }

  /** Whole lines become records at once; the rest of the data waits for its line's end, for 16 KB or for `flush`. */
  write(stream: StreamName, data: Buffer): void {
    const time = this.#clock.now();
    const full = Buffer.from(head(time, stream, 'F'), 'latin1');
    const part = Buffer.from(head(time, stream, 'P'), 'latin1');
    let start = this.#fillPending(stream, data, full, part);
    while (start < data.length) {
      const newline = data.indexOf(NEWLINE, start);
      const end = newline < 0 ? data.length : newline;
      if (end - start > MAX_CONTENT) {
        this.#record(part, data, start, start + MAX_CONTENT);
        start += MAX_CONTENT;
      } else if (newline < 0) {
        this.#keep(stream, data, start);
        return;
      } else {
        this.#record(full, data, start, end);
        start = end + 1;
      }
    }
  }

  /** What comes next goes into another slab than what came before; lines that wait go with the latter. */
  cut(): void {
    this.flush();
    this.#close();
  }

  /** Lines that wait become partial records. */
  flush(): void {
    for (const [stream, pending] of this.#pending) {
      if (pending.length === 0) continue;
      this.#record(Buffer.from(head(this.#clock.now(), stream, 'P')), pending.bytes, 0, pending.length);
      pending.length = 0;
    }
  }

  /** Goes on with the line that waits. Returns where the data's next line starts. */
  #fillPending(stream: StreamName, data: Buffer, full: Buffer, part: Buffer): number {
    const pending = this.#pending.get(stream);
    if (pending === undefined || pending.length === 0) return 0;
    const room = MAX_CONTENT - pending.length;
    const newline = data.indexOf(NEWLINE);
    const count = newline < 0 ? data.length : newline;
    const taken = Math.min(count, room);
    data.copy(pending.bytes, pending.length, 0, taken);
    pending.length += taken;
    // A line that fits waits on; one that is longer than the room leaves a piece, and so does its rest.
    if (newline < 0 && count <= room) return data.length;
    this.#record(count <= room ? full : part, pending.bytes, 0, pending.length);
    pending.length = 0;
    return count <= room ? newline + 1 : taken;
  }

  #keep(stream: StreamName, data: Buffer, start: number): void {
    let pending = this.#pending.get(stream);
    if (pending === undefined) {
      pending = { bytes: Buffer.allocUnsafeSlow(MAX_CONTENT), length: 0 };
      this.#pending.set(stream, pending);
    }
    pending.length = data.copy(pending.bytes, 0, start);
  }

  #record(headBytes: Buffer, data: Buffer, start: number, end: number): void {
    const size = headBytes.length + (end - start) + 1;
    let slab = this.#current;
    if (slab === undefined || slab.length - this.#used < size) {
      // The second slab of a batch shows that there is much to come.
      const small = slab === undefined && size <= SMALL_SLAB - MAX_HEAD;
      this.#close();
      slab = Buffer.allocUnsafe(small ? SMALL_SLAB : SLAB);
      this.#current = slab;
    }
    slab.set(headBytes, this.#used);
    data.copy(slab, this.#used + headBytes.length, start, end);
    this.#used += size;
    slab[this.#used - 1] = NEWLINE;
    this.#bytes += size;
  }

  #close(): void {
    if (this.#current !== undefined && this.#used > 0) this.#slabs.push(this.#current.subarray(0, this.#used));
    this.#current = undefined;
    this.#used = 0;
  }
}
