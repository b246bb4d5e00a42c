/** The lines of a Dockerfile that an error or a warning is about (buildkit solver/errdefs, Source.Print). */
import type { LineRange, SourceExcerpt } from '../../../client/build/error.ts';

/** The lines with some around them, the named ones marked; empty when there is nothing to point at. */
export function formatExcerpt({ filename, text, ranges }: SourceExcerpt): string {
  const lines = text.split('\n');
  const first = Math.min(...ranges.map(({ start }) => start));
  const last = Math.min(Math.max(...ranges.map(({ end }) => end)), lines.length);
  if (ranges.length === 0 || first < 1 || first > lines.length) return '';
  const { from, to } = surround(first, last, lines.length);
  const rule = '--------------------';
  const numbered = lines.slice(from - 1, to).map((line, index) => {
    const number = from + index;
    return ` ${String(number).padStart(3)} | ${names(ranges, number) ? '>>>' : '   '} ${line}`;
  });
  return [`${filename}:${first}`, rule, ...numbered, rule, ''].join('\n');
}

/** Two lines more at each end of a single line, one otherwise, as far as the file goes: the counting is upstream's. */
function surround(first: number, last: number, count: number): { from: number; to: number } {
  const padding = first === last ? 4 : 2;
  let from = first;
  let to = last;
  for (let added = 0; added < padding; added++) {
    if (from > 1) {
      from--;
      added++;
    }
    if (to !== count) {
      to++;
      added++;
    }
  }
  return { from, to };
}

function names(ranges: readonly LineRange[], line: number): boolean {
  return ranges.some(({ start, end }) => start <= line && line <= end);
}
