/** Columns as Go's text/tabwriter aligns them with docker's settings: at least 10 wide, 3 apart, filled with spaces. */
const LEAST = 10;
const PADDING = 3;

/**
 * Aligns tab-separated cells. A column is a run of adjacent lines that have a tab after that cell; the last cell of a line
 * belongs to none.
 * @param least width of a column; `top` has another than the lists
 */
export function alignTabs(text: string, least = LEAST): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths: number[][] = lines.map(() => []);
  setWidths(lines, widths, { from: 0, to: lines.length, column: 0, least });
  return lines
    .map((cells, row) =>
      cells.map((cell, i) => (i === cells.length - 1 ? cell : pad(cell, widths[row]?.[i] ?? 0))).join(''),
    )
    .join('\n');
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly column: number;
  readonly least: number;
}

function setWidths(lines: readonly string[][], widths: number[][], { from, to, column, least }: Block): void {
  for (let row = from; row < to; row++) {
    const has = (at: number) => (lines[at]?.length ?? 0) - 1 > column;
    if (!has(row)) continue;
    let end = row;
    let width = least;
    for (; end < to && has(end); end++) width = Math.max(width, length(lines[end]?.[column] ?? '') + PADDING);
    for (let at = row; at < end; at++) widths[at]?.push(width);
    setWidths(lines, widths, { from: row, to: end, column: column + 1, least });
    row = end - 1;
  }
}

/** Letters as Go counts them: code points. */
function length(text: string): number {
  // Nothing but ASCII is the usual case, and needs no list of its letters.
  return /^[\0-\x7f]*$/.test(text) ? text.length : [...text].length;
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
