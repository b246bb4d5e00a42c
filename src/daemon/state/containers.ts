/** The table of containers: one row a container, whatever its state. The row is written before the engine acts. */
import type { Database, Statement } from 'better-sqlite3';
import { Code, K3cError } from '../../api/errors.ts';
import { type ContainerSpec, completeSpec, type EndpointSpec, type PortSpec, type ResolvedConfig } from './spec.ts';

/**
 * created: never started (or its first start failed). starting: an attempt is being made. running. paused: running, and its
 * cgroup is frozen. restarting: exited and waiting for its policy's delay. A container is removed in one transaction; what it
 * leaves elsewhere is found by its label.
 */
export type ContainerState = 'created' | 'starting' | 'running' | 'paused' | 'restarting' | 'exited';

/** How a restart by hand stops the container first. */
export interface RestartAsked {
  /** Seconds before SIGKILL; -1: never; absent: the container's own. */
  readonly timeout?: number | undefined;
  /** Absent or empty: the container's own. */
  readonly signal?: string | undefined;
}

/** What changes in a container's life. Times are nanoseconds since the epoch, 0: never. */
export interface ContainerChanges {
  readonly name: string;
  /** `update` changes limits and the restart policy. */
  readonly spec: ContainerSpec;
  readonly state: ContainerState;
  /** Of the newest sandbox; -1: there was none. */
  readonly attempt: number;
  readonly sandboxId: string;
  readonly criId: string;
  readonly pid: number;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly error: string;
  readonly restartCount: number;
  /** Before the attempt that runs or is due, when a restart policy made it; else 0. */
  readonly restartDelayMs: number;
  readonly manualStop: boolean;
  /** A restart by hand is under way, until the new attempt runs: the exit on the way does not remove it, --rm or not. */
  readonly restartAsked: RestartAsked | null;
  /** As published now or at the last run. */
  readonly ports: readonly PortSpec[];
  readonly ip: string;
  /** The networks that users made and it is on, in the order in which it was connected to them. */
  readonly endpoints: readonly EndpointSpec[];
}

export interface ContainerRecord extends ContainerChanges {
  readonly id: string;
  readonly config: ResolvedConfig;
  readonly imageId: string;
  readonly imageRef: string;
  readonly createdAt: bigint;
  readonly logPath: string;
}

const columns = {
  id: 'id',
  name: 'name',
  spec: 'spec',
  config: 'config',
  imageId: 'image_id',
  imageRef: 'image_ref',
  createdAt: 'created_at',
  state: 'state',
  attempt: 'attempt',
  sandboxId: 'sandbox_id',
  criId: 'cri_id',
  pid: 'pid',
  startedAt: 'started_at',
  finishedAt: 'finished_at',
  exitCode: 'exit_code',
  oomKilled: 'oom_killed',
  error: 'error',
  restartCount: 'restart_count',
  restartDelayMs: 'restart_delay_ms',
  manualStop: 'manual_stop',
  restartAsked: 'restart_asked',
  logPath: 'log_path',
  ports: 'ports',
  ip: 'ip',
  endpoints: 'endpoints',
} as const satisfies Record<keyof ContainerRecord, string>;

const fields = Object.keys(columns) as (keyof ContainerRecord)[];
type Row = Record<string, string | bigint>;

export class ContainerStore {
  readonly #database: Database;
  readonly #insert: Statement;
  readonly #byId: Statement<[string]>;
  readonly #byName: Statement<[string]>;
  readonly #byPrefix: Statement<[string, string]>;
  readonly #ids: Statement<[]>;
  readonly #byImage: Statement<[string]>;
  readonly #bySandbox: Statement<[string]>;
  readonly #delete: Statement<[string]>;
  readonly #updates = new Map<string, Statement>();
  /**
   * Rows as they are on disk, decoded: a row is read ten times for each change, and its JSON is dear. Whatever writes a row takes
   * it out first, and nothing is put in within a transaction, which may still be taken back.
   */
  readonly #decoded = new Map<string, ContainerRecord>();
  /** All of them, newest first; undefined: one has changed since. */
  #listed: readonly ContainerRecord[] | undefined;

  constructor(database: Database) {
    this.#database = database;
    const names = fields.map((field) => columns[field]);
    const select = `SELECT ${names.join(', ')} FROM containers`;
    this.#insert = database.prepare(
      `INSERT INTO containers (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`,
    );
    this.#byId = database.prepare<[string]>(`${select} WHERE id = ?`).safeIntegers(true);
    this.#byName = database.prepare<[string]>(`${select} WHERE name = ?`).safeIntegers(true);
    this.#byPrefix = database
      .prepare<[string, string]>(`${select} WHERE id >= ? AND id < ? LIMIT 2`)
      .safeIntegers(true);
    this.#ids = database.prepare<[]>('SELECT id FROM containers ORDER BY created_at DESC, id').pluck(true);
    this.#byImage = database.prepare<[string]>(`${select} WHERE image_id = ? ORDER BY created_at`).safeIntegers(true);
    this.#bySandbox = database.prepare<[string]>('SELECT id FROM containers WHERE sandbox_id = ?');
    this.#delete = database.prepare<[string]>('DELETE FROM containers WHERE id = ?');
  }

  /** Adds a container. ALREADY_EXISTS (name-in-use) when the name is taken. */
  insert(record: ContainerRecord): void {
    const holder = this.byName(record.name);
    if (holder !== undefined) throw nameInUse(record.name, holder.id);
    this.#forget(record.id);
    this.#insert.run(toRow(record));
  }

  byId(id: string): ContainerRecord | undefined {
    const known = this.#decoded.get(id);
    if (known !== undefined) return known;
    const record = toRecord(this.#byId.get(id));
    if (record !== undefined && !this.#database.inTransaction) this.#decoded.set(id, record);
    return record;
  }

  byName(name: string): ContainerRecord | undefined {
    return toRecord(this.#byName.get(name));
  }

  /** At most two containers whose id starts so: one is the answer, two say that it is ambiguous. */
  byIdPrefix(prefix: string): readonly ContainerRecord[] {
    // 'g' follows every hexadecimal digit, so the range is exactly the ids with this prefix, and the index serves it.
    return this.#byPrefix.all(prefix, `${prefix}g`).flatMap((row) => toRecord(row) ?? []);
  }

  /** Newest first. */
  list(): readonly ContainerRecord[] {
    if (this.#listed !== undefined) return this.#listed;
    const records = (this.#ids.all() as string[]).flatMap((id) => this.byId(id) ?? []);
    if (!this.#database.inTransaction) this.#listed = records;
    return records;
  }

  byImage(imageId: string): readonly ContainerRecord[] {
    return this.#byImage.all(imageId).flatMap((row) => toRecord(row) ?? []);
  }

  /** The id of the container whose newest sandbox this is. */
  bySandbox(sandboxId: string): string | undefined {
    return (this.#bySandbox.get(sandboxId) as { readonly id: string } | undefined)?.id;
  }

  /** Writes what changed. False when the container is gone. */
  update(id: string, changes: Partial<ContainerChanges>): boolean {
    this.#forget(id);
    const row = toRow(changes);
    const names = Object.keys(row);
    if (names.length === 0) return this.byId(id) !== undefined;
    const key = names.join();
    let statement = this.#updates.get(key);
    if (statement === undefined) {
      statement = this.#database.prepare(
        `UPDATE containers SET ${names.map((name) => `${name} = @${name}`).join(', ')} WHERE id = @id`,
      );
      this.#updates.set(key, statement);
    }
    return statement.run({ ...row, id }).changes > 0;
  }

  /** False when it was gone already. */
  delete(id: string): boolean {
    this.#forget(id);
    return this.#delete.run(id).changes > 0;
  }

  #forget(id: string): void {
    this.#decoded.delete(id);
    this.#listed = undefined;
  }
}

/** docker's sentence for a name that is taken. */
function nameInUse(name: string, holder: string): K3cError {
  return new K3cError(
    Code.ALREADY_EXISTS,
    `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
    { reason: 'name-in-use' },
  );
}

function toRow(values: Partial<ContainerRecord>): Row {
  const row: Row = {};
  for (const field of fields) {
    const value = values[field];
    if (value === undefined) continue;
    if (typeof value === 'object') row[columns[field]] = JSON.stringify(value);
    else if (typeof value === 'boolean') row[columns[field]] = value ? 1n : 0n;
    else if (typeof value === 'number') row[columns[field]] = BigInt(value);
    else row[columns[field]] = value;
  }
  return row;
}

function toRecord(raw: unknown): ContainerRecord | undefined {
  if (raw === undefined) return undefined;
  const row = raw as Row;
  const text = (field: keyof ContainerRecord) => String(row[columns[field]]);
  const big = (field: keyof ContainerRecord) => BigInt(row[columns[field]] ?? 0n);
  const number = (field: keyof ContainerRecord) => Number(big(field));
  return {
    id: text('id'),
    name: text('name'),
    spec: completeSpec(JSON.parse(text('spec')) as Partial<ContainerSpec>),
    config: JSON.parse(text('config')) as ResolvedConfig,
    imageId: text('imageId'),
    imageRef: text('imageRef'),
    createdAt: big('createdAt'),
    state: text('state') as ContainerState,
    attempt: number('attempt'),
    sandboxId: text('sandboxId'),
    criId: text('criId'),
    pid: number('pid'),
    startedAt: big('startedAt'),
    finishedAt: big('finishedAt'),
    exitCode: number('exitCode'),
    oomKilled: big('oomKilled') !== 0n,
    error: text('error'),
    restartCount: number('restartCount'),
    restartDelayMs: number('restartDelayMs'),
    manualStop: big('manualStop') !== 0n,
    restartAsked: JSON.parse(text('restartAsked')) as RestartAsked | null,
    logPath: text('logPath'),
    ports: JSON.parse(text('ports')) as readonly PortSpec[],
    ip: text('ip'),
    endpoints: JSON.parse(text('endpoints')) as readonly EndpointSpec[],
  };
}
