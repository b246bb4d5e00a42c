/** The table of volumes. Their data lies under the root in volumes/NAME/_data. */
import type { Database, Statement } from 'better-sqlite3';

export interface VolumeRecord {
  readonly name: string;
  /** Made for one container and removed with it on rm -v and --rm. */
  readonly anonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
}

interface Row {
  readonly name: string;
  readonly anonymous: bigint;
  readonly labels: string;
  readonly created_at: bigint;
}

export class VolumeStore {
  readonly #insert: Statement;
  readonly #byName: Statement<[string]>;
  readonly #all: Statement<[]>;
  readonly #delete: Statement<[string]>;

  constructor(database: Database) {
    const select = 'SELECT name, anonymous, labels, created_at FROM volumes';
    this.#insert = database.prepare(
      'INSERT INTO volumes (name, anonymous, labels, created_at) VALUES (@name, @anonymous, @labels, @createdAt) ON CONFLICT (name) DO NOTHING',
    );
    this.#byName = database.prepare<[string]>(`${select} WHERE name = ?`).safeIntegers(true);
    this.#all = database.prepare<[]>(`${select} ORDER BY name`).safeIntegers(true);
    this.#delete = database.prepare<[string]>('DELETE FROM volumes WHERE name = ?');
  }

  /** True when it is new; a volume that is there stays as it is. */
  insert(volume: VolumeRecord): boolean {
    const { changes } = this.#insert.run({
      name: volume.name,
      anonymous: volume.anonymous ? 1 : 0,
      labels: JSON.stringify(volume.labels),
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

  /** False when it was gone already. */
  delete(name: string): boolean {
    return this.#delete.run(name).changes > 0;
  }
}

function toVolume(row: Row): VolumeRecord {
  return {
    name: row.name,
    anonymous: row.anonymous !== 0n,
    labels: JSON.parse(row.labels) as Record<string, string>,
    createdAt: row.created_at,
  };
}
