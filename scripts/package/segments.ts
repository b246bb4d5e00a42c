/** A part of a file that is compressed on its own. */
export interface Segment {
  readonly offset: number;
  readonly size: number;
  /** Whether the same bytes come back in every build, so that the time to compress them well is spent once. */
  readonly constant: boolean;
}

const page = 4096;
const shortest = 1 << 20;

/** Where `part` lies whole inside `whole`, or undefined. */
function find(whole: Buffer, part: Buffer): number | undefined {
  const head = part.subarray(0, page);
  for (let at = whole.indexOf(head); at >= 0; at = whole.indexOf(head, at + 1)) {
    if (whole.compare(part, 0, part.length, at, at + part.length) === 0) return at;
  }
  return undefined;
}

/** The long runs of `base` that came through the injection unchanged, at their places in `whole`. */
function unchangedRuns(whole: Buffer, base: Buffer): Segment[] {
  const middle = Math.floor(base.length / 2 / page) * page;
  const moved = whole.indexOf(base.subarray(middle, middle + page)) - middle;
  const runs: Segment[] = [];
  let start: number | undefined;
  for (let at = 0; at <= base.length; at += page) {
    const to = at + moved;
    const same = at + page <= base.length && to >= 0 && base.compare(whole, to, to + page, at, at + page) === 0;
    if (same && start === undefined) start = to;
    if (!same && start !== undefined) {
      if (to - start >= shortest) runs.push({ offset: start, size: to - start, constant: true });
      start = undefined;
    }
  }
  return runs;
}

/**
 * Cuts the executable so that an edit of the program changes only small parts: what came unchanged from Node and each
 * asset are segments of their own, with the same bytes in every build, and compressed once.
 */
export function cutExecutable(executable: Buffer, node: Buffer, assets: readonly Buffer[]): Segment[] {
  const fixed = unchangedRuns(executable, node);
  for (const asset of assets) {
    if (asset.length < shortest) continue;
    const offset = find(executable, asset);
    if (offset !== undefined) fixed.push({ offset, size: asset.length, constant: true });
  }
  fixed.sort((a, b) => a.offset - b.offset);
  const segments: Segment[] = [];
  let at = 0;
  for (const part of [...fixed, { offset: executable.length, size: 0, constant: true }]) {
    if (part.offset < at) continue;
    if (part.offset > at) segments.push({ offset: at, size: part.offset - at, constant: false });
    if (part.size > 0) segments.push(part);
    at = part.offset + part.size;
  }
  return segments;
}
