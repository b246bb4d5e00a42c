/** Timing whole commands: contestants take turns, so that a machine that drifts drifts for all. */
import { spawnSync } from 'node:child_process';

export interface Contestant {
  readonly name: string;
  /** The command line of one run. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Done before each run, outside the clock. */
  readonly before?: (run: number) => void;
  /** Done after each run, outside the clock. */
  readonly after?: (run: number) => void;
}

export interface Result {
  readonly name: string;
  /** Milliseconds, median over the counted runs. */
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/**
 * Runs every contestant `runs` times in turn, after `warmups` runs that do not count.
 * @throws Error when a command fails: a figure of a failed command says nothing
 */
export function race(contestants: readonly Contestant[], runs: number, warmups = 1): Result[] {
  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let run = -warmups; run < runs; run += 1) {
    for (const contestant of contestants) {
      contestant.before?.(run);
      const took = time(contestant);
      contestant.after?.(run);
      if (run >= 0) times.get(contestant.name)?.push(took);
    }
  }
  return contestants.map(({ name }) => {
    const sorted = (times.get(name) ?? []).toSorted((a, b) => a - b);
    return { name, median: median(sorted), least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
  });
}

function time({ name, command, env }: Contestant): number {
  const [file = '', ...args] = command;
  const started = performance.now();
  const { status, stderr, error } = spawnSync(file, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  const took = performance.now() - started;
  if (status !== 0)
    throw new Error(
      `${name}: ${command.join(' ')} ended with ${status ?? error?.message}: ${stderr?.toString().slice(-2000)}`,
    );
  return took;
}

/** The middle of a sorted list. */
export function median(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** One row: the first contestant is k3c; every other one with k3c's time as a ratio of its own (below 1: k3c is faster). */
export function row(what: string, results: readonly Result[]): string {
  const [own, ...others] = results;
  const cells = others.map(
    (other) => `${other.name} ${other.median.toFixed(1)} (${((own?.median ?? Number.NaN) / other.median).toFixed(2)})`,
  );
  return `| ${what} | ${own?.median.toFixed(1)} | ${own?.least.toFixed(1)} to ${own?.most.toFixed(1)} | ${cells.join(', ') || '-'} |`;
}
