/** The clockwork of one container's health check: when it is run, and what its results come to (moby, daemon/health.go). */
import type { HealthReport, ProbeResult } from '../../../state/health.ts';
import type { HealthCheck } from './check.ts';

/** How many results are kept. */
const RESULTS = 5;
/** What setTimeout takes: a longer time would be none. */
export const LONGEST_TIMER_MS = 0x7fff_ffff;

export interface MonitorOptions {
  readonly check: HealthCheck;
  /** Nanoseconds since the epoch. */
  readonly startedAt: bigint;
  /** What was found before. */
  readonly report: HealthReport;
  /** Runs the check once. Aborted when the monitor is stopped; undefined: nothing was learned. Must not reject. */
  readonly probe: (signal: AbortSignal) => Promise<ProbeResult | undefined>;
  /** Told after every result, with the report before it. */
  readonly onResult: (now: HealthReport, before: HealthReport) => void;
  /** Nanoseconds since the epoch. */
  readonly now: () => bigint;
}

/** Runs a check again and again, never two at once: the interval lies between the end of one and the start of the next. */
export class HealthMonitor {
  readonly #options: MonitorOptions;
  #report: HealthReport;
  #timer: NodeJS.Timeout | undefined;
  #stopping: AbortController | undefined;
  /** Settles when no probe runs. */
  #idle: Promise<void> = Promise.resolve();

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#report = options.report;
  }

  get report(): HealthReport {
    return this.#report;
  }

  /** Begins to probe, after the first interval. Does nothing where it has begun. */
  start(): void {
    if (this.#stopping !== undefined) return;
    const stopping = new AbortController();
    this.#stopping = stopping;
    // A probe of before a stop that is still dying must not overlap with ours.
    void this.#idle.then(() => this.#plan(stopping.signal));
  }

  /** Stops probing: the report stays as it is. Resolves when a probe under way has been ended. */
  stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping?.abort();
    this.#stopping = undefined;
    return this.#idle;
  }

  /** Stops as docker does when a container stops or is paused: nobody can say that it is healthy. */
  stopUnhealthy(): Promise<void> {
    this.#report = { ...this.#report, status: 'unhealthy' };
    return this.stop();
  }

  #plan(stopping: AbortSignal): void {
    if (stopping.aborted) return;
    const { check, startedAt, now } = this.#options;
    const isStarting = this.#report.status === 'starting' && now() - startedAt < BigInt(check.startPeriod);
    const milliseconds = (isStarting ? check.startInterval : check.interval) / 1e6;
    this.#timer = setTimeout(
      () => {
        this.#idle = this.#run(stopping).then(() => this.#plan(stopping));
      },
      Math.min(milliseconds, LONGEST_TIMER_MS),
    );
  }

  async #run(stopping: AbortSignal): Promise<void> {
    const { probe, check, startedAt, onResult } = this.#options;
    const result = await probe(stopping);
    if (stopping.aborted || result === undefined) return;
    const before = this.#report;
    this.#report = afterProbe(before, result, check, startedAt);
    onResult(this.#report, before);
  }
}

/** The report after one more result. A failure within the start period does not count before the first success. */
export function afterProbe(
  before: HealthReport,
  result: ProbeResult,
  check: Pick<HealthCheck, 'retries' | 'startPeriod'>,
  startedAt: bigint,
): HealthReport {
  const results = [...before.results, result].slice(-RESULTS);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, results };
  const forgiven = before.status === 'starting' && result.start - startedAt < BigInt(check.startPeriod);
  if (forgiven) return { ...before, results };
  const failingStreak = before.failingStreak + 1;
  return { status: failingStreak >= check.retries ? 'unhealthy' : before.status, failingStreak, results };
}
