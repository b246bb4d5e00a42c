import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { makeFifo } from '../../../host/fifo.ts';
import { type FifoPaths, isFifo, removeFifos, restoreFifos, STREAMS, swapFifos } from '../../backends/fifos.ts';
import { DEFAULT_LOG_LIMITS } from './log-files.ts';
import { LogWriter } from './log-writer.ts';
import { ProcessStreams } from './process-streams.ts';
import { readSnapshot } from './read-log.ts';
import type { Attachment, AttachWants, ContainerIoOptions, OutputChunk, TerminalSize } from './types.ts';

/**
 * The streams of one attempt of one container, from before its start to after its end: we read its output from the first byte
 * to the last, write the log, and serve every client.
 *
 * Order of calls: `prepare`, CRI StartContainer, `started` or `failed`; when the exit is known `exited`. A daemon that
 * stops calls `close`, the next one `reopen`; what the container writes meanwhile waits in its FIFO (64 KB, then it
 * blocks), and is lost only when the container ends before `reopen`.
 */
export class ContainerIo {
  readonly #options: ContainerIoOptions;
  readonly #fifos: FifoPaths;
  readonly #writer: LogWriter | undefined;
  readonly #streams: ProcessStreams;
  #ending: Promise<void> | undefined;

  private constructor(options: ContainerIoOptions, fifos: FifoPaths) {
    const { criId, tasks, log } = options;
    this.#options = options;
    this.#fifos = fifos;
    if (options.logPath !== undefined)
      this.#writer = new LogWriter(options.logPath, options.logLimits ?? DEFAULT_LOG_LIMITS, log, () =>
        this.#streams.onRelieved(),
      );
    this.#streams = new ProcessStreams({
      fifos,
      tty: options.tty,
      stdinOnce: options.stdinOnce ?? true,
      closeIo: (signal) => tasks.closeIO({ containerId: criId, execId: '', stdin: true }, { signal }),
      sink: this.#writer,
      log,
    });
  }

  /**
   * Puts our FIFOs in the place of CRI's. After CreateContainer, before StartContainer; takes 0.2 ms.
   *
   * @throws K3cError FAILED_PRECONDITION when containerd's layout is not the expected one
   */
  static async prepare(options: ContainerIoOptions): Promise<ContainerIo> {
    const fifos = fifoPaths(options);
    mkdirSync(options.fifoDir, { recursive: true, mode: 0o700 });
    if (options.logPath !== undefined) mkdirSync(dirname(options.logPath), { recursive: true, mode: 0o750 });
    try {
      for (const path of Object.values(fifos)) makeFifo(path);
      swapFifos(options.containerdState, options.criId, fifos);
      return new ContainerIo(options, fifos);
    } catch (error) {
      restoreFifos(options.containerdState, options.criId);
      removeFifos(fifos);
      throw error;
    }
  }

  /**
   * Takes up the streams of a container that an earlier daemon started. One that has ended is closed by `exited`. Where
   * the FIFOs are gone, which takes a third hand, the container goes on without streams, and the log says so.
   */
  static async reopen(options: ContainerIoOptions): Promise<ContainerIo> {
    const fifos = fifoPaths(options);
    const missing = Object.values(fifos).filter((path) => !isFifo(path));
    if (missing.length > 0) {
      options.log.warn({ container: options.containerId, missing }, 'the streams of a container are lost');
      return new ContainerIo(options, {});
    }
    const io = new ContainerIo(options, fifos);
    io.#streams.opened();
    return io;
  }

  /** At once after StartContainer returned without an error. */
  async started(): Promise<void> {
    restoreFifos(this.#options.containerdState, this.#options.criId);
    this.#streams.opened();
  }

  /** After StartContainer has failed: nothing will ever be written, and every client's output ends. */
  failed(): void {
    restoreFifos(this.#options.containerdState, this.#options.criId);
    this.#streams.destroy();
    removeFifos(this.#fifos);
    this.#ending ??= this.#closeLog();
  }

  /** One more client. Its output begins with the next byte, or with `logs` at the first byte of the log. */
  attach(wants: AttachWants): Attachment {
    return this.#streams.attach(wants, wants.logs === true ? () => this.#logged(wants) : undefined);
  }

  /**
   * The container has ended (`waitForExit`). Resolves when all it wrote is in the log and with every client's queue, and
   * removes the FIFOs.
   */
  exited(): Promise<void> {
    this.#ending ??= this.#finish();
    return this.#ending;
  }

  async #finish(): Promise<void> {
    await this.#streams.drain(true);
    removeFifos(this.#fifos);
    await this.#closeLog();
  }

  /** Sets the size of the container's terminal. */
  async resize(size: TerminalSize): Promise<void> {
    await this.#options.tasks.resizePty({ containerId: this.#options.criId, execId: '', ...size });
  }

  /**
   * The daemon stops: lets go of a container that goes on. Clients are cut off with UNAVAILABLE. Resolves when the log is
   * written. After `exited` or `failed` it only waits for their end.
   */
  close(): Promise<void> {
    this.#ending ??= this.#leave();
    return this.#ending;
  }

  async #leave(): Promise<void> {
    this.#streams.leave(new K3cError(Code.UNAVAILABLE, 'the k3c daemon is stopping'));
    await this.#closeLog();
  }

  async #closeLog(): Promise<void> {
    await this.#writer?.close();
  }

  /** What was written before this call. The snapshot is asked for here and now, so that nothing lies between it and what comes. */
  #logged(wants: AttachWants): AsyncIterable<OutputChunk> {
    const files = this.#writer?.snapshot() ?? Promise.resolve([]);
    // Its failure is met by whoever reads, who may begin later than it fails.
    files.catch(() => undefined);
    return chunks(readSnapshot(files, wants));
  }
}

async function* chunks(batches: AsyncIterable<readonly OutputChunk[]>): AsyncGenerator<OutputChunk> {
  for await (const batch of batches) {
    for (const { stream, data } of batch) yield { stream, data };
  }
}

/** CRI makes no stderr for a terminal and no stdin for a container without one. */
function fifoPaths({ fifoDir, criId, tty, stdin }: ContainerIoOptions): FifoPaths {
  const has = { stdin, stdout: true, stderr: !tty };
  return Object.fromEntries(
    STREAMS.filter((stream) => has[stream]).map((stream) => [stream, join(fifoDir, `${criId}-${stream}`)]),
  );
}
