/** The table of what health checks found. Running containers are known better by their monitors: rows follow from time to time. */
import type { Database, Statement } from 'better-sqlite3';

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

/** One run of a check. Times are nanoseconds since the epoch. */
export interface ProbeResult {
  readonly start: bigint;
  readonly end: bigint;
  /** 0: healthy; -1: it could not be run, or took too long. */
  readonly exitCode: number;
  readonly output: string;
}

export interface HealthReport {
  readonly status: HealthStatus;
  /** Failures that count, without a success between. */
  readonly failingStreak: number;
  /** Oldest first. */
  readonly results: readonly ProbeResult[];
}

export interface HealthRecord extends HealthReport {
  /** Of the container, when this was found. */
  readonly attempt: number;
}

interface Row {
  readonly attempt: number;
  readonly status: HealthStatus;
  readonly streak: number;
  readonly results: string;
}

type StoredResult = readonly [start: string, end: string, exitCode: number, output: string];

export class HealthStore {
  readonly #put: Statement;
  readonly #get: Statement<[string]>;

  constructor(database: Database) {
    // Of a container that is gone already nothing is kept.
    this.#put = database.prepare(
      `INSERT INTO health (container, attempt, status, streak, results)
       SELECT id, @attempt, @status, @streak, @results FROM containers WHERE id = @container
       ON CONFLICT (container) DO UPDATE SET attempt = @attempt, status = @status, streak = @streak, results = @results`,
    );
    this.#get = database.prepare<[string]>('SELECT attempt, status, streak, results FROM health WHERE container = ?');
  }

  put(container: string, { attempt, status, failingStreak, results }: HealthRecord): void {
    const stored = results.map(
      ({ start, end, exitCode, output }): StoredResult => [`${start}`, `${end}`, exitCode, output],
    );
    this.#put.run({ container, attempt, status, streak: failingStreak, results: JSON.stringify(stored) });
  }

  get(container: string): HealthRecord | undefined {
    const row = this.#get.get(container) as Row | undefined;
    if (row === undefined) return undefined;
    const stored = JSON.parse(row.results) as readonly StoredResult[];
    return {
      attempt: row.attempt,
      status: row.status,
      failingStreak: row.streak,
      results: stored.map(([start, end, exitCode, output]) => ({
        start: BigInt(start),
        end: BigInt(end),
        exitCode,
        output,
      })),
    };
  }
}
