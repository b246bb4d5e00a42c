/** What one reader of events gets: the past, then the present, without a gap or an overlap. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { EventRecord } from '../../state/events.ts';
import type { EventBus } from './bus.ts';

/** Events that may wait for a reader. moby drops what is too much for one and tells nobody; here the reader is told. */
const QUEUE_LIMIT = 4096;
const LAST_TIME = (1n << 63n) - 1n;
/** What setTimeout takes. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

export interface EventsWanted {
  /** Nanoseconds since the epoch; 0: nothing of the past, unless there is an `until`. */
  readonly since: bigint;
  /** Inclusive; 0: no end. */
  readonly until: bigint;
  readonly matches: (event: EventRecord) => boolean;
}

/**
 * Ends at `until`, and when the signal is aborted. Throws INVALID_ARGUMENT for a range that ends before it begins, and
 * RESOURCE_EXHAUSTED, behind the last event before the gap, for a reader that is too slow.
 */
export async function* streamEvents(
  bus: EventBus,
  { since, until, matches }: EventsWanted,
  signal: AbortSignal,
): AsyncGenerator<EventRecord> {
  if (until !== 0n && since > until)
    throw new K3cError(
      Code.INVALID_ARGUMENT,
      `\`since\` time (${seconds(since)}) cannot be after \`until\` time (${seconds(until)})`,
      { reason: 'bad-input' },
    );
  const live = new LiveQueue(bus, matches, signal);
  try {
    // In the same turn as the subscription: nothing happens between the two.
    const past = since !== 0n || until !== 0n ? bus.range(since, until === 0n ? LAST_TIME : until) : [];
    for (const event of past) if (matches(event)) yield event;
    for (;;) {
      const event = live.take();
      if (event !== undefined) {
        if (until !== 0n && event.timeNano > until) return;
        yield event;
        continue;
      }
      const left = until === 0n ? undefined : Number(until) / 1e6 - Date.now();
      if (signal.aborted || (left !== undefined && left <= 0)) return;
      await live.next(left);
    }
  } finally {
    live.close();
  }
}

class LiveQueue {
  readonly #signal: AbortSignal;
  readonly #unsubscribe: () => void;
  readonly #queue: EventRecord[] = [];
  /** Where the first one is; the queue is cleared when all were taken. */
  #head = 0;
  #overflowed = false;
  #wake: (() => void) | undefined;

  constructor(bus: EventBus, matches: (event: EventRecord) => boolean, signal: AbortSignal) {
    this.#signal = signal;
    this.#unsubscribe = bus.subscribe((event) => {
      if (this.#overflowed || !matches(event)) return;
      if (this.#queue.length - this.#head >= QUEUE_LIMIT) this.#overflowed = true;
      else this.#queue.push(event);
      this.#wake?.();
    });
  }

  /** The next one that has happened, if any. */
  take(): EventRecord | undefined {
    const event = this.#queue[this.#head];
    if (event !== undefined) {
      this.#head += 1;
      return event;
    }
    if (this.#overflowed)
      throw new K3cError(
        Code.RESOURCE_EXHAUSTED,
        `events come faster than they are read: more than ${QUEUE_LIMIT} were waiting`,
        { hint: 'go on with --since and the time of the last one' },
      );
    this.#queue.length = 0;
    this.#head = 0;
    return undefined;
  }

  /** Resolves when there is one, when the time is over, or when the signal is aborted. */
  next(milliseconds: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer =
        milliseconds === undefined
          ? undefined
          : setTimeout(() => done(), Math.min(Math.ceil(milliseconds), LONGEST_TIMER_MS));
      const done = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      this.#signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }

  close(): void {
    this.#unsubscribe();
  }
}

function seconds(nanoseconds: bigint): string {
  return String(nanoseconds / 1_000_000_000n);
}
