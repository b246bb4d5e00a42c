/** The table of networks: those that users made. bridge, host and none are always there and have no row. */
import type { Database, Statement } from 'better-sqlite3';

/** What was asked and decided of a network. */
export interface NetworkConfig {
  /** ADDRESS/PREFIX. */
  readonly subnet: string;
  readonly gateway: string;
  /** Where addresses that nobody asks for come from; empty: all of the subnet. */
  readonly ipRange: string;
  /** Whether a user chose the subnet: only then may containers ask for addresses in it. */
  readonly configured: boolean;
  readonly internal: boolean;
  /** Absent: IPv4 alone. */
  readonly ipv6?: Pick<NetworkConfig, 'subnet' | 'gateway' | 'ipRange' | 'configured'> | undefined;
  /** Of the driver, as given. */
  readonly options: Readonly<Record<string, string>>;
}

export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
  /** The interface of the host. */
  readonly bridge: string;
  readonly config: NetworkConfig;
  readonly labels: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly bridge: string;
  readonly config: string;
  readonly labels: string;
  readonly created_at: bigint;
}

export class NetworkStore {
  readonly #insert: Statement;
  readonly #byId: Statement<[string]>;
  readonly #byName: Statement<[string]>;
  readonly #byPrefix: Statement<[string, string]>;
  readonly #all: Statement<[]>;
  readonly #delete: Statement<[string]>;

  constructor(database: Database) {
    const select = 'SELECT id, name, bridge, config, labels, created_at FROM networks';
    this.#insert = database.prepare(
      'INSERT INTO networks (id, name, bridge, config, labels, created_at) VALUES (@id, @name, @bridge, @config, @labels, @createdAt)',
    );
    this.#byId = database.prepare<[string]>(`${select} WHERE id = ?`).safeIntegers(true);
    this.#byName = database.prepare<[string]>(`${select} WHERE name = ?`).safeIntegers(true);
    this.#byPrefix = database
      .prepare<[string, string]>(`${select} WHERE id >= ? AND id < ? ORDER BY id LIMIT 2`)
      .safeIntegers(true);
    this.#all = database.prepare<[]>(`${select} ORDER BY created_at, id`).safeIntegers(true);
    this.#delete = database.prepare<[string]>('DELETE FROM networks WHERE id = ?');
  }

  /** The name must be free. */
  insert({ id, name, bridge, config, labels, createdAt }: NetworkRecord): void {
    const json = { config: JSON.stringify(config), labels: JSON.stringify(labels) };
    this.#insert.run({ id, name, bridge, createdAt, ...json });
  }

  byId(id: string): NetworkRecord | undefined {
    return toNetwork(this.#byId.get(id));
  }

  byName(name: string): NetworkRecord | undefined {
    return toNetwork(this.#byName.get(name));
  }

  /** At most two networks whose id starts so: one is the answer, two say that it is ambiguous. */
  byIdPrefix(prefix: string): readonly NetworkRecord[] {
    // 'g' follows every hexadecimal digit.
    return this.#byPrefix.all(prefix, `${prefix}g`).flatMap((row) => toNetwork(row) ?? []);
  }

  /** Oldest first. */
  list(): readonly NetworkRecord[] {
    return this.#all.all().flatMap((row) => toNetwork(row) ?? []);
  }

  /** False when it was gone already. */
  delete(id: string): boolean {
    return this.#delete.run(id).changes > 0;
  }
}

function toNetwork(raw: unknown): NetworkRecord | undefined {
  if (raw === undefined) return undefined;
  const { id, name, bridge, config, labels, created_at: createdAt } = raw as Row;
  return {
    id,
    name,
    bridge,
    config: JSON.parse(config) as NetworkConfig,
    labels: JSON.parse(labels) as Record<string, string>,
    createdAt,
  };
}
