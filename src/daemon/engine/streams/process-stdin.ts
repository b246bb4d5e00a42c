import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../api/errors.ts';
import type { Log } from '../../../host/log.ts';

/**
 * The input of a process: what all clients write, in the order of their writes.
 *
 * The shim holds a writing end of its own, so the end of input takes two steps: our end is closed, then Tasks.CloseIO.
 * Ours may be closed only when the shim has opened the FIFO, or what it holds is gone: hence `opened`.
 */
export class ProcessStdin {
  readonly #socket: Socket;
  readonly #closeIo: (signal: AbortSignal) => Promise<unknown>;
  readonly #log: Log;
  readonly #gone = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  #lastWrite: Promise<void> = Promise.resolve();
  #ended = false;

  /** @param closeIo Tasks.CloseIO for this process */
  constructor(socket: Socket, closeIo: (signal: AbortSignal) => Promise<unknown>, log: Log) {
    this.#socket = socket;
    this.#closeIo = closeIo;
    this.#log = log;
    // Writes that were under way when the process ended; their writers learn of it from the process' exit.
    socket.on('error', (error) => log.debug({ err: error }, 'stdin of a process'));
  }

  /** Resolves when the bytes are in the FIFO, or dropped because the input or the process has ended. */
  write(data: Buffer): Promise<void> {
    if (this.#ended || this.#socket.destroyed || data.length === 0) return Promise.resolve();
    this.#lastWrite = new Promise((resolve) => {
      this.#socket.write(data, () => resolve());
    });
    return this.#lastWrite;
  }

  /** The shim has the FIFO open. */
  opened(): void {
    this.#opened.resolve();
  }

  /** No more input: the process reads its end after all that was written. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    void this.#finish();
  }

  async #finish(): Promise<void> {
    await this.#opened.promise;
    await this.#lastWrite;
    if (this.#gone.signal.aborted) return;
    this.#socket.destroy();
    for (;;) {
      try {
        await this.#closeIo(this.#gone.signal);
        return;
      } catch (error) {
        if (this.#gone.signal.aborted) return;
        // containerd is restarting: without this call the process would wait for its input for ever.
        if (hasCode(error, Code.UNAVAILABLE)) {
          await sleep(50, undefined, { ref: false });
          continue;
        }
        if (!hasCode(error, Code.NOT_FOUND)) this.#log.warn({ err: error }, 'cannot close the stdin of a process');
        return;
      }
    }
  }

  /** The process is gone, or is left to itself. */
  destroy(): void {
    this.#ended = true;
    this.#gone.abort();
    this.#socket.destroy();
  }
}
