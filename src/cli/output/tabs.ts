/** Columns as Go's text/tabwriter aligns them with docker's settings: at least 10 wide, 3 apart, filled with spaces. */
const LEAST = 10;
const PADDING = 3;

/**
 * Aligns tab-separated cells. A column is a run of adjacent lines that have a tab after that cell; the last cell of a line
 * belongs to none.
 */
export function alignTabs(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths: number[][] = lines.map(() => []);
  setWidths(lines, widths, 0, lines.length, 0);
  return lines
    .map((cells, row) =>
      cells.map((cell, i) => (i === cells.length - 1 ? cell : pad(cell, widths[row]?.[i] ?? 0))).join(''),
    )
    .join('\n');
}

function setWidths(lines: readonly string[][], widths: number[][], from: number, to: number, column: number): void {
  for (let row = from; row < to; row++) {
    const has = (at: number) => (lines[at]?.length ?? 0) - 1 > column;
    if (!has(row)) continue;
    let end = row;
    let width = LEAST;
    for (; end < to && has(end); end++) width = Math.max(width, length(lines[end]?.[column] ?? '') + PADDING);
    for (let at = row; at < end; at++) widths[at]?.push(width);
    setWidths(lines, widths, row, end, column + 1);
    row = end - 1;
  }
}

/** Letters as Go counts them: code points. */
function length(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - length(text)));
}

/** `Label:   value` lines, the values in docker's column 20, as `version` has them. */
export function alignColon(pairs: readonly (readonly [label: string, value: string])[], indent: number): string {
  return pairs
    .map(([label, text]) => `${`${' '.repeat(indent)}${label}:`.padEnd(19)} ${text}`.trimEnd().concat('\n'))
    .join('');
}
