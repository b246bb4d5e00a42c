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
  // Nothing but ASCII is the usual case, and needs no list of the letters of each cell.
  const length = /^[\0-\x7f]*$/.test(text) ? units : letters;
  setWidths(lines, widths, { from: 0, to: lines.length, column: 0, least, length });
  let aligned = '';
  for (const [row, cells] of lines.entries()) {
    if (row > 0) aligned += '\n';
    const last = cells.length - 1;
    for (let i = 0; i < last; i++) {
      const cell = cells[i] ?? '';
      aligned += cell + ' '.repeat(Math.max(0, (widths[row]?.[i] ?? 0) - length(cell)));
    }
    aligned += cells[last] ?? '';
  }
  return aligned;
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly column: number;
  readonly least: number;
  readonly length: (text: string) => number;
}

function setWidths(lines: readonly string[][], widths: number[][], { from, to, column, least, length }: Block): void {
  for (let row = from; row < to; row++) {
    const has = (at: number) => (lines[at]?.length ?? 0) - 1 > column;
    if (!has(row)) continue;
    let end = row;
    let width = least;
    for (; end < to && has(end); end++) width = Math.max(width, length(lines[end]?.[column] ?? '') + PADDING);
    for (let at = row; at < end; at++) widths[at]?.push(width);
    setWidths(lines, widths, { from: row, to: end, column: column + 1, least, length });
    row = end - 1;
  }
}

/** Letters as Go counts them: code points. */
const letters = (text: string) => [...text].length;
/** The same where all are ASCII. */
const units = (text: string) => text.length;

/** `Label:   value` lines, the values in docker's column 20, as `version` has them. */
export function alignColon(pairs: readonly (readonly [label: string, value: string])[], indent: number): string {
  return pairs
    .map(([label, text]) => `${`${' '.repeat(indent)}${label}:`.padEnd(19)} ${text}`.trimEnd().concat('\n'))
    .join('');
}
