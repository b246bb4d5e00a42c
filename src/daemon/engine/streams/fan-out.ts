import { Code, K3cError } from '../../../api/errors.ts';
import { OutputQueue } from './output-queue.ts';
import type { StreamName } from './types.ts';

/** Where the process' output comes from. */
export interface Source {
  pause(): void;
  resume(): void;
}

/** What takes everything beside the clients: the log. */
export interface Sink {
  write(stream: StreamName, data: Buffer): void;
  /** What waits in it. Whenever this falls, `onRelieved` of FanOut is called. */
  readonly bytes: number;
}

export interface FanOutLimits {
  /** What waits for the only client before the process is held. */
  readonly aloneBytes: number;
  /** What waits for one of several. */
  readonly sharedBytes: number;
  /** What waits for the log. */
  readonly sinkBytes: number;
  /** For how long, in all, one of several may hold the process until it has caught up once. Milliseconds. */
  readonly stallMs: number;
}

const LIMITS: FanOutLimits = { aloneBytes: 512 * 1024, sharedBytes: 4 << 20, sinkBytes: 4 << 20, stallMs: 1000 };

/** All that can be left in pipes, shim and FIFOs of a process that has ended is some 160 KB a stream. */
const DRAIN_BYTES = 1 << 20;

interface Client {
  readonly queue: OutputQueue;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Its queue was full and is not half empty again. */
  full: boolean;
  /** What is left of its stallMs. */
  budgetMs: number;
  /** Since when it holds the process, and the timer that ends this. */
  stall: { readonly since: number; readonly timer: NodeJS.Timeout } | undefined;
}

/**
 * Gives a process' output to the log and to every client. The only client holds the process when it is slow, and loses nothing.
 * One of several may be 4 MB behind and may then hold the process for a second; after that it is cut off, so that the
 * others go on.
 */
export class FanOut {
  readonly #source: Source;
  readonly #sink: Sink | undefined;
  readonly #limits: FanOutLimits;
  readonly #clients = new Set<Client>();
  #held = false;
  #sinkFull = false;
  #draining = false;
  #ended = false;

  constructor(source: Source, sink?: Sink, limits: FanOutLimits = LIMITS) {
    this.#source = source;
    this.#sink = sink;
    this.#limits = limits;
  }

  /** How many clients there are. */
  get size(): number {
    return this.#clients.size;
  }

  push(stream: StreamName, data: Buffer): void {
    this.#sink?.write(stream, data);
    for (const client of this.#clients) if (client[stream]) client.queue.push({ stream, data });
    this.#update();
  }

  /** A new client, from the next byte on. One that wants no output still learns of the end. */
  add(wants: { readonly stdout: boolean; readonly stderr: boolean }): OutputQueue {
    const queue = new OutputQueue(
      () => this.#update(),
      () => this.remove(queue),
    );
    if (this.#ended) {
      queue.end();
      return queue;
    }
    this.#clients.add({ ...wants, queue, full: false, budgetMs: this.#limits.stallMs, stall: undefined });
    this.#update();
    return queue;
  }

  /** A client left: its queue is emptied and ends. */
  remove(queue: OutputQueue, error?: Error): void {
    for (const client of this.#clients) {
      if (client.queue !== queue) continue;
      this.#clients.delete(client);
      if (client.stall) clearTimeout(client.stall.timer);
    }
    queue.abort(error);
    this.#update();
  }

  /** The sink has less than before. */
  onRelieved(): void {
    this.#update();
  }

  /**
   * The process has ended: what is left of it is little and must be taken before its shim gives up, so nobody holds that.
   * Only a child that goes on writing to the same output can be held again.
   */
  drain(): void {
    this.#draining = true;
    this.#sinkFull = false;
    for (const client of this.#clients) client.full = false;
    this.#update();
  }

  /** No more output comes. Every client still gets what waits for it. */
  end(): void {
    this.#ended = true;
    for (const client of this.#clients) {
      if (client.stall) clearTimeout(client.stall.timer);
      client.queue.end();
    }
    this.#clients.clear();
  }

  /** Cuts every client off. */
  abort(error: Error): void {
    for (const client of [...this.#clients]) this.remove(client.queue, error);
    this.#ended = true;
  }

  #update(): void {
    if (this.#ended) return;
    const readers = [...this.#clients].filter((client) => client.stdout || client.stderr);
    const extra = this.#draining ? DRAIN_BYTES : 0;
    const limit = (readers.length > 1 ? this.#limits.sharedBytes : this.#limits.aloneBytes) + extra;
    this.#sinkFull = isFull(this.#sink?.bytes ?? 0, this.#limits.sinkBytes + extra, this.#sinkFull);
    let held = this.#sinkFull;
    for (const client of readers) {
      const { bytes } = client.queue;
      client.full = isFull(bytes, limit, client.full);
      this.#charge(client, client.full && readers.length > 1);
      if (bytes === 0) client.budgetMs = this.#limits.stallMs;
      held ||= client.full;
    }
    if (held === this.#held) return;
    this.#held = held;
    if (held) this.#source.pause();
    else this.#source.resume();
  }

  /** Starts or stops the clock of a client that holds the process while others wait. */
  #charge(client: Client, holds: boolean): void {
    if (holds && client.stall === undefined) {
      const cut = () => this.remove(client.queue, tooSlow());
      client.stall = { since: performance.now(), timer: setTimeout(cut, Math.max(0, client.budgetMs)) };
    } else if (!holds && client.stall !== undefined) {
      clearTimeout(client.stall.timer);
      client.budgetMs -= performance.now() - client.stall.since;
      client.stall = undefined;
    }
  }
}

/** Full at the limit, and until it is half empty. */
function isFull(bytes: number, limit: number, wasFull: boolean): boolean {
  return bytes >= (wasFull ? limit / 2 : limit);
}

function tooSlow(): K3cError {
  return new K3cError(
    Code.RESOURCE_EXHAUSTED,
    'this client reads too slowly and was cut off, because others are attached to the same container',
    { hint: 'attach again, or read the log with k3c logs' },
  );
}
