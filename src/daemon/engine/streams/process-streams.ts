import type { Socket } from 'node:net';
import { openFifoReader, openFifoWriter, wakeFifoReaders } from '../../../host/fifo.ts';
import type { Log } from '../../../host/log.ts';
import type { FifoPaths } from '../../backends/fifos.ts';
import { FanOut, type Sink } from './fan-out.ts';
import { ProcessStdin } from './process-stdin.ts';
import type { Attachment, AttachWants, OutputChunk, StreamName } from './types.ts';

/** How long an output may be silent after the exit before it is given up: docker's figure. A child that lives on holds it open. */
const SILENCE_MS = 2000;
/** How long it may go on at all after the exit. */
const DRAIN_MS = 10_000;

export interface ProcessStreamsOptions {
  readonly fifos: FifoPaths;
  readonly tty: boolean;
  readonly stdinOnce: boolean;
  /** Tasks.CloseIO for this process. */
  readonly closeIo: (signal: AbortSignal) => Promise<unknown>;
  readonly sink?: Sink | undefined;
  readonly log: Log;
}

/** Our ends of a process' FIFOs, and the clients on them. */
export class ProcessStreams {
  readonly #options: ProcessStreamsOptions;
  readonly #outputs = new Map<StreamName, Socket>();
  readonly #stdin: ProcessStdin | undefined;
  readonly #fan: FanOut;
  #lastByteAt = 0;
  #onClosed: (() => void) | undefined;

  /** Opens the FIFOs, which must exist. */
  constructor(options: ProcessStreamsOptions) {
    this.#options = options;
    const each = (act: (socket: Socket) => void) => () => this.#outputs.forEach(act);
    this.#fan = new FanOut(
      { pause: each((socket) => socket.pause()), resume: each((socket) => socket.resume()) },
      options.sink,
    );
    try {
      for (const stream of ['stdout', 'stderr'] as const) {
        const path = options.fifos[stream];
        if (path !== undefined) this.#outputs.set(stream, this.#read(stream, path));
      }
      const { stdin } = options.fifos;
      if (stdin !== undefined) this.#stdin = new ProcessStdin(openFifoWriter(stdin), options.closeIo, options.log);
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  #read(stream: StreamName, path: string): Socket {
    const socket = openFifoReader(path);
    socket.on('data', (data: Buffer) => {
      this.#lastByteAt = performance.now();
      this.#fan.push(stream, data);
    });
    socket.on('error', (error) => this.#options.log.warn({ err: error, stream }, 'output of a process'));
    socket.on('close', () => {
      this.#outputs.delete(stream);
      this.#onClosed?.();
    });
    return socket;
  }

  /** @param before what comes before the live output; it is started in the same turn in which the live output begins */
  attach(wants: AttachWants, before?: () => AsyncIterable<OutputChunk>): Attachment {
    const queue = this.#fan.add(wants);
    const first = before?.();
    const stdin = wants.stdin ? this.#stdin : undefined;
    let attached = true;
    const endStdin = () => {
      // A terminal has no end of input, only ^D, and without its FIFO the shim would close its output too.
      if (attached && this.#options.stdinOnce && !this.#options.tty) stdin?.end();
    };
    return {
      output: first === undefined ? queue : chain(first, queue, () => this.#fan.remove(queue)),
      writeStdin: (data) => (attached && stdin ? stdin.write(data) : Promise.resolve()),
      endStdin,
      detach: () => {
        endStdin();
        attached = false;
        this.#fan.remove(queue);
      },
    };
  }

  /** The sink has room again. */
  onRelieved(): void {
    this.#fan.onRelieved();
  }

  /** The shim has opened the FIFOs. */
  opened(): void {
    this.#stdin?.opened();
  }

  /**
   * The process has ended: takes what is left of its output and ends every client's. Resolves when all bytes are with the
   * clients' queues and the sink; at the latest 2 s after the last byte, or 10 s after the exit, when something else
   * holds the output open.
   *
   * @param pathsExist whether the FIFOs still have their names
   */
  async drain(pathsExist: boolean): Promise<void> {
    this.#fan.drain();
    // Readers that were opened after the shim had left would wait for ever.
    if (pathsExist) for (const stream of this.#outputs.keys()) wakeFifoReaders(this.#options.fifos[stream] ?? '');
    if (this.#outputs.size > 0) await this.#closed();
    this.#fan.end();
    this.destroy();
  }

  #closed(): Promise<void> {
    const start = performance.now();
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout;
      const check = () => {
        const now = performance.now();
        const silentMs = now - Math.max(start, this.#lastByteAt);
        const leftMs = Math.min(SILENCE_MS - silentMs, DRAIN_MS - (now - start));
        if (this.#outputs.size > 0 && leftMs > 0) {
          clearTimeout(timer);
          timer = setTimeout(check, leftMs);
          return;
        }
        clearTimeout(timer);
        this.#onClosed = undefined;
        resolve();
      };
      this.#onClosed = check;
      timer = setTimeout(check, 0);
    });
  }

  /**
   * Stops reading; what was read already goes to the sink, and clients are cut off with the error. The process goes on
   * and blocks when its FIFO is full.
   */
  leave(error: Error): void {
    for (const [stream, socket] of this.#outputs) {
      socket.pause();
      for (let data = socket.read(); data !== null; data = socket.read()) this.#options.sink?.write(stream, data);
    }
    this.#fan.abort(error);
    this.destroy();
  }

  /** Closes our ends; clients' outputs end. */
  destroy(): void {
    this.#fan.end();
    this.#stdin?.destroy();
    for (const socket of this.#outputs.values()) socket.destroy();
  }
}

async function* chain(
  first: AsyncIterable<OutputChunk>,
  then: AsyncIterable<OutputChunk>,
  onLeft: () => void,
): AsyncGenerator<OutputChunk> {
  try {
    yield* first;
    yield* then;
  } finally {
    onLeft();
  }
}
