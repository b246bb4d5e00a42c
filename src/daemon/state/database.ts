/** The daemon's state in one SQLite file. This room has all the SQL; callers see stores and transactions. */
import { chmodSync, closeSync, openSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { Code, K3cError } from '../../api/errors.ts';
import { ContainerStore } from './containers.ts';
import { EventStore } from './events.ts';
import { HealthStore } from './health.ts';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/all.ts';
import { NetworkStore } from './networks.ts';
import { PodStore } from './pods.ts';
import { VolumeStore } from './volumes.ts';

export interface State {
  readonly containers: ContainerStore;
  readonly volumes: VolumeStore;
  readonly networks: NetworkStore;
  readonly pods: PodStore;
  readonly events: EventStore;
  readonly health: HealthStore;
  /** Runs a synchronous act atomically: all of it is on disk, or nothing. Nested calls join the outer one. */
  transaction<T>(act: () => T): T;
  close(): void;
}

export interface OpenOptions {
  /** better-sqlite3's addon: its path, or the loaded module (the packaged program's `require` knows no files). */
  readonly nativeBinding?: string | object | undefined;
}

/**
 * Opens (and makes) the database and brings its schema up to date.
 *
 * WAL with synchronous NORMAL: a commit is a write without fsync, some 20 us instead of milliseconds on the way of every
 * `run`. A killed daemon loses nothing (the pages are the kernel's); a power failure may lose the last commits but never
 * the consistency, and there the containers are gone too: the reconciliation at start clears what they left.
 *
 * The file is for its owner alone: it holds the containers' environments, and the root above it may be walked by anybody.
 */
export function openDatabase(path: string, options: OpenOptions = {}): State {
  let database: Sqlite.Database;
  try {
    // @types/better-sqlite3 knows only the path; the library takes the loaded module as well.
    const nativeBinding = options.nativeBinding as string | undefined;
    if (path !== ':memory:') makePrivate(path);
    database = new Sqlite(path, nativeBinding === undefined ? {} : { nativeBinding });
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('busy_timeout = 2000');
    database.pragma('foreign_keys = ON');
  } catch (error) {
    throw new K3cError(Code.FAILED_PRECONDITION, `cannot open the state in ${path}: ${(error as Error).message}`, {
      hint: 'move the file away to start with an empty state; running containers are then removed',
      cause: error,
    });
  }
  try {
    migrate(database, migrations);
    return {
      containers: new ContainerStore(database),
      volumes: new VolumeStore(database),
      networks: new NetworkStore(database),
      pods: new PodStore(database),
      events: new EventStore(database),
      health: new HealthStore(database),
      transaction: (act) => database.transaction(act)(),
      close: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite gives the files beside it (-wal, -shm) the mode of this one; those that are there may be of an older k3c. */
function makePrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      chmodSync(file, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
