/** The table of pods: those that users made. A container that is in none has a pod of its own, which is its row's alone. */
import type { Database, Statement } from 'better-sqlite3';
import { type EndpointSpec, NO_NETWORK, type PodSpec, type PortSpec } from './spec.ts';

/**
 * created: never had a sandbox. running: a sandbox is wanted; it is there when `sandboxId` says so, and else being made. stopped:
 * none is wanted; `sandboxId` may name the last one, where the ended containers can still be looked at.
 */
export type PodState = 'created' | 'running' | 'stopped';

/** What changes in a pod's life. Times are nanoseconds since the epoch, 0: never. */
export interface PodChanges {
  readonly state: PodState;
  /** Of the newest sandbox; -1: there was none. */
  readonly attempt: number;
  readonly sandboxId: string;
  /** As published now. */
  readonly ports: readonly PortSpec[];
  readonly ip: string;
  /** The networks that users made and it is on. */
  readonly endpoints: readonly EndpointSpec[];
  readonly startedAt: bigint;
}

export interface PodRecord extends PodChanges {
  readonly id: string;
  readonly name: string;
  readonly spec: PodSpec;
  /** As a container's: what was decided. */
  readonly config: { readonly hostname: string };
  readonly createdAt: bigint;
}

const columns = {
  id: 'id',
  name: 'name',
  spec: 'spec',
  createdAt: 'created_at',
  state: 'state',
  attempt: 'attempt',
  sandboxId: 'sandbox_id',
  ports: 'ports',
  ip: 'ip',
  endpoints: 'endpoints',
  startedAt: 'started_at',
} as const satisfies Record<Exclude<keyof PodRecord, 'config'>, string>;

type Field = keyof typeof columns;
const fields = Object.keys(columns) as Field[];
type Row = Record<string, string | bigint>;

export class PodStore {
  readonly #database: Database;
  readonly #insert: Statement;
  readonly #byId: Statement<[string]>;
  readonly #byName: Statement<[string]>;
  readonly #byPrefix: Statement<[string, string]>;
  readonly #bySandbox: Statement<[string]>;
  readonly #all: Statement<[]>;
  readonly #delete: Statement<[string]>;
  readonly #updates = new Map<string, Statement>();

  constructor(database: Database) {
    this.#database = database;
    const names = fields.map((field) => columns[field]);
    const select = `SELECT ${names.join(', ')} FROM pods`;
    this.#insert = database.prepare(
      `INSERT INTO pods (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`,
    );
    this.#byId = database.prepare<[string]>(`${select} WHERE id = ?`).safeIntegers(true);
    this.#byName = database.prepare<[string]>(`${select} WHERE name = ?`).safeIntegers(true);
    this.#byPrefix = database
      .prepare<[string, string]>(`${select} WHERE id >= ? AND id < ? LIMIT 2`)
      .safeIntegers(true);
    this.#bySandbox = database.prepare<[string]>('SELECT id FROM pods WHERE sandbox_id = ?');
    this.#all = database.prepare<[]>(`${select} ORDER BY created_at DESC, id`).safeIntegers(true);
    this.#delete = database.prepare<[string]>('DELETE FROM pods WHERE id = ?');
  }

  /** The name must be free. */
  insert(record: PodRecord): void {
    this.#insert.run(toRow(record));
  }

  byId(id: string): PodRecord | undefined {
    return toPod(this.#byId.get(id));
  }

  byName(name: string): PodRecord | undefined {
    return toPod(this.#byName.get(name));
  }

  /** At most two pods whose id starts so: one is the answer, two say that it is ambiguous. */
  byIdPrefix(prefix: string): readonly PodRecord[] {
    // 'g' follows every hexadecimal digit.
    return this.#byPrefix.all(prefix, `${prefix}g`).flatMap((row) => toPod(row) ?? []);
  }

  /** The id of the pod whose newest sandbox this is. */
  bySandbox(sandboxId: string): string | undefined {
    return (this.#bySandbox.get(sandboxId) as { readonly id: string } | undefined)?.id;
  }

  /** Newest first. */
  list(): readonly PodRecord[] {
    return this.#all.all().flatMap((row) => toPod(row) ?? []);
  }

  /** Writes what changed. False when the pod is gone. */
  update(id: string, changes: Partial<PodChanges>): boolean {
    const row = toRow(changes);
    const assignments = Object.keys(row)
      .map((name) => `${name} = @${name}`)
      .join(', ');
    if (assignments === '') return this.byId(id) !== undefined;
    const known = this.#updates.get(assignments);
    const statement = known ?? this.#database.prepare(`UPDATE pods SET ${assignments} WHERE id = @id`);
    if (known === undefined) this.#updates.set(assignments, statement);
    return statement.run({ ...row, id }).changes > 0;
  }

  /** False when it was gone already. */
  delete(id: string): boolean {
    return this.#delete.run(id).changes > 0;
  }
}

function toRow(values: Partial<PodRecord>): Row {
  const row: Row = {};
  for (const field of fields) {
    const value = values[field];
    if (value === undefined) continue;
    if (typeof value === 'object') row[columns[field]] = JSON.stringify(value);
    else row[columns[field]] = typeof value === 'number' ? BigInt(value) : value;
  }
  return row;
}

function toPod(raw: unknown): PodRecord | undefined {
  if (raw === undefined) return undefined;
  const row = raw as Row;
  const text = (field: Field) => String(row[columns[field]]);
  const big = (field: Field) => BigInt(row[columns[field]] ?? 0n);
  const stored = JSON.parse(text('spec')) as Omit<PodSpec, 'shmSizeBytes'> & Partial<PodSpec>;
  // A row of an older daemon has no size.
  const spec = { ...stored, shmSizeBytes: stored.shmSizeBytes ?? 0 };
  return {
    id: text('id'),
    name: text('name'),
    spec: { ...spec, network: { ...NO_NETWORK, ...spec.network } },
    config: { hostname: spec.hostname },
    createdAt: big('createdAt'),
    state: text('state') as PodState,
    attempt: Number(big('attempt')),
    sandboxId: text('sandboxId'),
    ports: JSON.parse(text('ports')) as readonly PortSpec[],
    ip: text('ip'),
    endpoints: JSON.parse(text('endpoints')) as readonly EndpointSpec[],
    startedAt: big('startedAt'),
  };
}
