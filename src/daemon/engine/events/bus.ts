/** Where everybody tells what happened and those who listen hear it; what is recorded can be read again. */
import type { EventRecord, EventStore } from '../../state/events.ts';
import { Clock } from '../containers/clock.ts';

/** What happened; the bus says when. */
export type Happening = Omit<EventRecord, 'timeNano'>;
export type Listener = (event: EventRecord) => void;

export class EventBus {
  readonly #store: EventStore;
  readonly #listeners = new Set<Listener>();
  readonly #clock = new Clock();

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** Appends to the history and tells. Call it in the transaction of the change. */
  record(what: Happening): void {
    const event = { ...what, timeNano: this.#clock.now() };
    this.#store.append(event);
    this.#tell(event);
  }

  /** Tells without keeping: for what comes every second and would push the rest out of the history. */
  announce(what: Happening): void {
    this.#tell({ ...what, timeNano: this.#clock.now() });
  }

  #tell(event: EventRecord): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Whether anybody would hear an announcement. */
  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Events of a closed range of times (nanoseconds since the epoch), oldest first. */
  range(since: bigint, until: bigint): readonly EventRecord[] {
    return this.#store.range(since, until);
  }

  /** Returns what ends it. A listener must neither throw nor take long. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
