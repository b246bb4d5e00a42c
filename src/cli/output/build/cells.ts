/** How much room text takes on a terminal. */

/** Ranges of characters two cells wide: East Asian scripts and pictures (Unicode TR 11, roughly). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
];

function cellsOf(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (/\p{M}|\u200b|\u200d/u.test(char)) return 0;
  return WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

/** The width of a text without control characters. */
export function cellWidth(text: string): number {
  let width = 0;
  for (const char of text) width += cellsOf(char);
  return width;
}

/** As much of a text as fits. */
export function cut(text: string, width: number): string {
  let used = 0;
  let out = '';
  for (const char of text) {
    used += cellsOf(char);
    if (used > width) return out;
    out += char;
  }
  return out;
}

/** Two texts at the two ends of a line of this width, at least one space between them. */
export function spread(left: string, right: string, width: number): string {
  const room = Math.max(0, width - cellWidth(left) - cellWidth(right));
  return `${left}${' '.repeat(Math.max(1, room))}${right}`;
}
