/** When a step ran. Its work comes in pieces (looking up the cache, then the real run), and pieces may overlap. */

/** Milliseconds since 1970; still running without an end. */
export interface Interval {
  readonly start: number;
  readonly stop: number | undefined;
}

/** Joins what overlaps or touches, in order of time. An open one takes in everything after it. */
export function mergeIntervals(intervals: Iterable<Interval>): Interval[] {
  const merged: Interval[] = [];
  for (const next of [...intervals].sort((a, b) => a.start - b.start)) {
    const last = merged[merged.length - 1];
    if (last === undefined || (last.stop !== undefined && last.stop < next.start)) merged.push(next);
    else if (last.stop !== undefined) {
      const stop = next.stop === undefined ? undefined : Math.max(last.stop, next.stop);
      merged[merged.length - 1] = { start: last.start, stop };
    }
  }
  return merged;
}

/** Their sum in seconds; what still runs counts up to now. */
export function totalSeconds(intervals: Iterable<Interval>, now: number): number {
  let total = 0;
  for (const { start, stop } of intervals) total += (stop ?? now) - start;
  return total / 1000;
}

/** Milliseconds of a protobuf timestamp. */
export function toMilliseconds(time: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(time.seconds) * 1000 + time.nanos / 1e6;
}
