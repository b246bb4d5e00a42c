/** The history of what happened, in docker's event schema, capped: the oldest rows go first. */
import type { Database, Statement } from 'better-sqlite3';

export interface EventRecord {
  readonly type: 'container' | 'image' | 'network' | 'volume' | 'pod' | 'daemon' | 'builder';
  /** create, start, die … */
  readonly action: string;
  /** Id of what it happened to. */
  readonly actor: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly timeNano: bigint;
}

/** Rows that are kept: some days of an ordinary machine, a few MB at most. */
export const EVENT_CAP = 10_000;

interface Row {
  readonly time_nano: bigint;
  readonly type: EventRecord['type'];
  readonly action: string;
  readonly actor: string;
  readonly attributes: string;
}

export class EventStore {
  readonly #insert: Statement;
  readonly #trim: Statement;
  readonly #range: Statement<[bigint, bigint]>;

  constructor(database: Database, cap = EVENT_CAP) {
    this.#insert = database.prepare(
      'INSERT INTO events (time_nano, type, action, actor, attributes) VALUES (@timeNano, @type, @action, @actor, @attributes)',
    );
    this.#trim = database.prepare(`DELETE FROM events WHERE sequence <= ? - ${cap}`);
    this.#range = database
      .prepare<[bigint, bigint]>(
        'SELECT time_nano, type, action, actor, attributes FROM events WHERE time_nano >= ? AND time_nano <= ? ORDER BY sequence',
      )
      .safeIntegers(true);
  }

  append(event: EventRecord): void {
    const { lastInsertRowid } = this.#insert.run({ ...event, attributes: JSON.stringify(event.attributes) });
    this.#trim.run(lastInsertRowid);
  }

  /** Events of a closed range of times, oldest first. */
  range(since: bigint, until: bigint): readonly EventRecord[] {
    return (this.#range.all(since, until) as Row[]).map((row) => ({
      type: row.type,
      action: row.action,
      actor: row.actor,
      attributes: JSON.parse(row.attributes) as Record<string, string>,
      timeNano: row.time_nano,
    }));
  }
}
