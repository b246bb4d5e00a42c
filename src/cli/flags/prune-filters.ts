/** Filters with times in them: `--filter` of the prune commands, and of `images`. */
import type { StringList } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import { values } from './option.ts';
import { parseTime } from './times.ts';
import { parseFilter, toFilters } from './words.ts';

export type FilterPairs = readonly (readonly [name: string, value: string])[];

/** The flag; `example` is what its help says. */
export function pruneFilter(example = 'until=<timestamp>') {
  return values('--filter <filter>', `Provide filter values (e.g. "${example}")`, parseFilter);
}

/**
 * Filters as the API takes them: a time, or a duration before now, becomes seconds since the epoch. Throws CliError with docker's
 * sentence.
 *
 * @param now milliseconds since the epoch
 */
export function toFiltersAt(pairs: FilterPairs, now: number): Record<string, StringList> {
  return toFilters(pairs.map(([name, value]) => [name, name === 'until' ? toSeconds(value, now) : value] as const));
}

/** Nanoseconds since the epoch of `until`. Throws CliError with docker's sentence. */
export function timeBefore(text: string, now: number): bigint {
  try {
    const nanoseconds = parseTime(text, now);
    // A duration longer than the time since the epoch: nothing is as old.
    return nanoseconds < 0n ? 0n : nanoseconds;
  } catch (cause) {
    throw new CliError((cause as Error).message, { cause });
  }
}

function toSeconds(text: string, now: number): string {
  const nanoseconds = timeBefore(text, now);
  return `${nanoseconds / 1_000_000_000n}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}`;
}
