/** A host for commands whose user sits behind a front door: streams, terminal and signals are frames. */
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { Readable, Writable } from 'node:stream';
import type { Host, TerminalSize } from '../context.ts';
import { type Frame, frameHead, In, numberFrame, Out } from './frames.ts';
import type { Hello } from './hello.ts';

/** How much of stdin is asked for at a time. */
const STDIN_WINDOW = 512 << 10;
const OUTPUT_QUEUE = 256 << 10;

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
);

export class DoorHost implements Host {
  readonly env: Host['env'];
  readonly cwd: string;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly terminal: Host['terminal'];
  readonly signal: AbortSignal;
  readonly #socket: Socket;
  readonly #controller = new AbortController();
  readonly #signalListeners = new Set<(signal: NodeJS.Signals) => void>();
  readonly #resizeListeners = new Set<(size: TerminalSize) => void>();
  #size: TerminalSize;
  #stdin: Readable | undefined;
  #wanted = 0;
  #stdinEnded = false;

  constructor(hello: Hello, socket: Socket) {
    this.env = hello.env;
    this.cwd = hello.cwd;
    this.#socket = socket;
    this.#size = { columns: hello.columns, rows: hello.rows };
    this.signal = this.#controller.signal;
    this.stdout = this.#output(Out.STDOUT);
    this.stderr = this.#output(Out.STDERR);
    this.terminal = {
      isTty: hello.isTty,
      size: () => this.#size,
      onResize: (listener) => {
        this.#resizeListeners.add(listener);
        return () => void this.#resizeListeners.delete(listener);
      },
      setRawMode: (raw) => {
        if (hello.isTty.stdin && !socket.destroyed) socket.write(numberFrame(Out.RAW, raw ? 1 : 0));
      },
    };
  }

  stdin(): Readable {
    this.#stdin ??= new Readable({ highWaterMark: STDIN_WINDOW, read: () => this.#want() });
    return this.#stdin;
  }

  onSignal(listener: (signal: NodeJS.Signals) => void): () => void {
    this.#signalListeners.add(listener);
    return () => void this.#signalListeners.delete(listener);
  }

  async flush(): Promise<void> {
    await Promise.all(
      [this.stdout, this.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))),
    );
  }

  /** Takes a frame of the launcher. Unknown ones are left alone: a newer launcher declines to rely on them. */
  take(frame: Frame): void {
    if (frame.type === In.STDIN && !this.#stdinEnded) {
      this.#wanted -= frame.data.length;
      this.#stdin?.push(frame.data);
    } else if (frame.type === In.STDIN_END && !this.#stdinEnded) {
      this.#stdinEnded = true;
      this.#stdin?.push(null);
    } else if (frame.type === In.SIGNAL && frame.data.length >= 4) {
      const name = signalNames.get(frame.data.readUInt32LE(0));
      if (name !== undefined) this.#onSignal(name);
    } else if (frame.type === In.WINDOW && frame.data.length >= 4) {
      this.#size = { rows: frame.data.readUInt16LE(0), columns: frame.data.readUInt16LE(2) };
      for (const listener of this.#resizeListeners) listener(this.#size);
    }
  }

  /** The user is gone: the command is cancelled, its streams end. */
  gone(): void {
    this.#controller.abort('SIGPIPE');
    this.#stdin?.destroy();
    this.stdout.destroy();
    this.stderr.destroy();
  }

  #onSignal(name: NodeJS.Signals): void {
    if (this.#signalListeners.size > 0) for (const listener of this.#signalListeners) listener(name);
    else if (name !== 'SIGUSR1' && name !== 'SIGUSR2') this.#controller.abort(name);
  }

  /** Asks for more of stdin while half of what was asked for is still on its way, so that the launcher never waits for us. */
  #want(): void {
    if (this.#wanted > STDIN_WINDOW / 2 || this.#stdinEnded || this.#socket.destroyed) return;
    const more = STDIN_WINDOW - this.#wanted;
    this.#wanted += more;
    this.#socket.write(numberFrame(Out.WANT, more));
  }

  #output(type: number): Writable {
    const socket = this.#socket;
    const stream = new Writable({
      highWaterMark: OUTPUT_QUEUE,
      decodeStrings: true,
      write(chunk: Buffer, _encoding, done) {
        if (socket.destroyed) {
          // Not at once: a command that only writes would keep the event loop from ever telling it that the user is gone.
          setImmediate(done);
          return;
        }
        socket.cork();
        if (chunk.length > 0) socket.write(frameHead(type, chunk.length));
        // The callback of the last write is the back-pressure of the whole way to the user's terminal or file.
        socket.write(chunk, () => done());
        socket.uncork();
      },
    });
    stream.on('error', () => {
      // Writing after the user has gone: `gone` has cancelled the command already.
    });
    return stream;
  }
}
