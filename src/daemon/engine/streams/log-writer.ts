import { type FileHandle, open } from 'node:fs/promises';
import type { Log } from '../../../host/log.ts';
import type { Sink } from './fan-out.ts';
import { DEFAULT_LOG_LIMITS, type LogFile, openLogFiles, rotate } from './log-files.ts';
import { LogSlabs } from './log-slabs.ts';
import type { LogLimits, StreamName } from './types.ts';

/** How long the start of a line waits for its end before followers may see it. */
const PARTIAL_MS = 50;
const NEWLINE = 0x0a;

/**
 * Appends a process' output to its log. Writes are gathered while one is under way, so that a busy log costs few system
 * calls and a quiet one is written at once. A log that cannot be written (a full disk) is said once and loses output,
 * as a container must not stop for it.
 */
export class LogWriter implements Sink {
  readonly #path: string;
  readonly #limits: LogLimits;
  readonly #log: Log;
  readonly #onWritten: () => void;
  readonly #slabs = new LogSlabs();
  /** Runs when all that came before it is in the file. */
  readonly #marks: { readonly act: () => Promise<void>; bytes: number }[] = [];
  #file: FileHandle | undefined;
  #size = 0;
  #writing = 0;
  #loop: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastWriteMs = 0;
  #failing = false;

  /** @param onWritten `bytes` has fallen */
  constructor(path: string, limits: LogLimits = DEFAULT_LOG_LIMITS, log: Log, onWritten: () => void = () => undefined) {
    this.#path = path;
    this.#limits = limits;
    this.#log = log;
    this.#onWritten = onWritten;
  }

  get bytes(): number {
    return this.#slabs.bytes + this.#writing;
  }

  write(stream: StreamName, data: Buffer): void {
    this.#slabs.write(stream, data);
    this.#lastWriteMs = performance.now();
    if (this.#slabs.hasPending) this.#timer ??= setTimeout(this.#flushLater, PARTIAL_MS);
    this.#kick();
  }

  readonly #flushLater = (): void => {
    this.#timer = undefined;
    if (!this.#slabs.hasPending) return;
    const leftMs = this.#lastWriteMs + PARTIAL_MS - performance.now();
    // In the middle of a stream the end of the line is on its way.
    if (leftMs > 1) {
      this.#timer = setTimeout(this.#flushLater, leftMs);
      return;
    }
    this.#slabs.flush();
    this.#kick();
  };

  /** Everything written before, lines without an end included, is in the file. */
  flush(): Promise<void> {
    return this.#mark(async () => undefined);
  }

  /** The log as it is with everything that was written before this call and nothing of what comes after. The caller closes the files. */
  snapshot(): Promise<LogFile[]> {
    return this.#mark(() => openLogFiles(this.#path));
  }

  /** Writes the rest and closes the file. Call nothing afterwards. */
  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#closeFile();
  }

  #mark<T>(act: () => Promise<T>): Promise<T> {
    this.#slabs.cut();
    return new Promise((resolve, reject) => {
      this.#marks.push({ act: () => act().then(resolve, reject), bytes: this.bytes });
      this.#kick();
    });
  }

  #kick(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
      // What came while the loop was on its way out.
      if (this.#slabs.bytes > 0 || this.#marks.length > 0) this.#kick();
    });
  }

  async #run(): Promise<void> {
    for (;;) {
      while (this.#marks[0] !== undefined && this.#marks[0].bytes <= 0) await this.#marks.shift()?.act();
      const slab = this.#slabs.take();
      if (slab === undefined) return;
      this.#writing = slab.length;
      try {
        await this.#append(slab);
        this.#failing = false;
      } catch (error) {
        if (!this.#failing)
          this.#log.error({ err: error, path: this.#path }, 'cannot write a log; output is missing in it');
        this.#failing = true;
        // The next write starts anew, after the last whole record. Of a file that cannot be closed no more is to be said.
        await this.#closeFile().catch(() => undefined);
      }
      for (const mark of this.#marks) mark.bytes -= slab.length;
      this.#writing = 0;
      this.#onWritten();
    }
  }

  /** Writes whole records, and rotates before one that does not fit. */
  async #append(slab: Buffer): Promise<void> {
    const { maxBytes, maxFiles } = this.#limits;
    for (let rest = slab; rest.length > 0; ) {
      const file = await this.#open();
      const fits = maxBytes > 0 ? wholeRecords(rest, maxBytes - this.#size) : rest.length;
      if (fits === 0 && this.#size > 0) {
        await this.#closeFile();
        await rotate(this.#path, maxFiles);
        continue;
      }
      // A record that is larger than a file gets one of its own.
      const count = fits > 0 ? fits : rest.indexOf(NEWLINE) + 1;
      await writeAll(file, rest.subarray(0, count));
      this.#size += count;
      rest = rest.subarray(count);
    }
  }

  async #open(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    const file = await open(this.#path, 'a+', 0o640);
    this.#file = file;
    this.#size = (await file.stat()).size;
    // A record that a crash or a full disk cut off must not swallow the next one.
    if (this.#size > 0 && !(await endsWithNewline(file, this.#size))) {
      await writeAll(file, Buffer.of(NEWLINE));
      this.#size++;
    }
    return file;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#size = 0;
    await file?.close();
  }
}

/** How many bytes of whole records fit into `room`. */
function wholeRecords(bytes: Buffer, room: number): number {
  if (room >= bytes.length) return bytes.length;
  return room <= 0 ? 0 : bytes.lastIndexOf(NEWLINE, room - 1) + 1;
}

async function endsWithNewline(file: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === NEWLINE;
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}
