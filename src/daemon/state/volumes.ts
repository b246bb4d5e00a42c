/** The table of volumes. Their data lies under the root in volumes/NAME/_data. */
import type { Database, Statement } from 'better-sqlite3';

export interface VolumeRecord {
  readonly name: string;
  /** Made for one container and removed with it on rm -v and --rm. */
  readonly anonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the local driver: type, o, device. Empty: a directory of our own. */
  readonly options: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
}

interface Row {
  readonly name: string;
  readonly anonymous: bigint;
  readonly labels: string;
  readonly options: string;
  readonly created_at: bigint;
}

export class VolumeStore {
  readonly #insert: Statement;
  readonly #byName: Statement<[string]>;
  readonly #all: Statement<[]>;
  readonly #markRemoved: Statement<[string]>;
  readonly #removed: Statement<[]>;
  readonly #delete: Statement<[string]>;

  constructor(database: Database) {
    const select = 'SELECT name, anonymous, labels, options, created_at FROM volumes';
    this.#insert = database.prepare(
      'INSERT INTO volumes (name, anonymous, labels, options, created_at) VALUES (@name, @anonymous, @labels, @options, @createdAt) ON CONFLICT (name) DO NOTHING',
    );
    this.#byName = database.prepare<[string]>(`${select} WHERE name = ? AND removed = 0`).safeIntegers(true);
    this.#all = database.prepare<[]>(`${select} WHERE removed = 0 ORDER BY name`).safeIntegers(true);
    this.#markRemoved = database.prepare<[string]>('UPDATE volumes SET removed = 1 WHERE name = ? AND removed = 0');
    this.#removed = database.prepare<[]>('SELECT name FROM volumes WHERE removed = 1');
    this.#delete = database.prepare<[string]>('DELETE FROM volumes WHERE name = ?');
  }

  /** True when it is new; a volume that is there, or is just being removed, stays as it is. */
  insert(volume: VolumeRecord): boolean {
    const { changes } = this.#insert.run({
      name: volume.name,
      anonymous: volume.anonymous ? 1 : 0,
      labels: JSON.stringify(volume.labels),
      options: JSON.stringify(volume.options),
      createdAt: volume.createdAt,
    });
    return changes > 0;
  }

  byName(name: string): VolumeRecord | undefined {
    const row = this.#byName.get(name) as Row | undefined;
    return row === undefined ? undefined : toVolume(row);
  }

  /** By name. */
  list(): readonly VolumeRecord[] {
    return (this.#all.all() as Row[]).map(toVolume);
  }

  /** From here on nobody finds it; its row stays until delete(). False when there is none. */
  markRemoved(name: string): boolean {
    return this.#markRemoved.run(name).changes > 0;
  }

  /** Names of volumes whose removal is not over. */
  removed(): readonly string[] {
    return (this.#removed.all() as { readonly name: string }[]).map(({ name }) => name);
  }

  /** The row, whatever it says. False when it was gone already. */
  delete(name: string): boolean {
    return this.#delete.run(name).changes > 0;
  }
}

function toVolume(row: Row): VolumeRecord {
  return {
    name: row.name,
    anonymous: row.anonymous !== 0n,
    labels: JSON.parse(row.labels) as Record<string, string>,
    options: JSON.parse(row.options) as Record<string, string>,
    createdAt: row.created_at,
  };
}
