/** A block of lines at the bottom of a terminal that is drawn again and again: one write a frame, only lines that changed. */
import type { Writable } from 'node:stream';
import type { TerminalSize } from '../../context.ts';
import { cellWidth } from './cells.ts';

/** A line: its text as printed (with colours), and how many cells it fills. */
export interface ScreenLine {
  readonly text: string;
  readonly width: number;
}

/** A line without colours. */
export function plainLine(text: string): ScreenLine {
  return { text, width: cellWidth(text) };
}

export class Screen {
  readonly #out: Writable;
  #lines: readonly ScreenLine[] = [];
  #columns = 0;
  #hidden = false;

  constructor(out: Writable) {
    this.#out = out;
  }

  /** Draws over the frame before. No line may be wider than the terminal. */
  draw(lines: readonly ScreenLine[], size: TerminalSize): void {
    let frame = '';
    if (!this.#hidden) frame += '\x1b[?25l';
    this.#hidden = true;
    // After a change of width the lines of the last frame may take more rows than there were lines.
    const resized = size.columns !== this.#columns && this.#columns !== 0;
    const rows = resized ? this.#lines.reduce((sum, line) => sum + rowsOf(line, size.columns), 0) : this.#lines.length;
    // The terminal may have echoed a key that was pressed: the cursor need not be in the first column.
    if (rows > 0) frame += `\r\x1b[${rows}A`;
    if (resized) frame += '\x1b[J';
    for (const [index, line] of lines.entries()) {
      const same = !resized && this.#lines[index]?.text === line.text;
      // No erasing behind a line that fills its row: in the last column it would erase the last character.
      if (!same) frame += `${line.text}${line.width < size.columns ? '\x1b[K' : ''}`;
      frame += '\r\n';
    }
    if (!resized && this.#lines.length > lines.length) frame += '\x1b[J';
    this.#lines = lines;
    this.#columns = size.columns;
    this.#out.write(frame);
  }

  /** Leaves the last frame where it is and gives the cursor back. */
  release(): void {
    if (this.#hidden) this.#out.write('\x1b[?25h');
    this.#hidden = false;
    this.#lines = [];
  }
}

function rowsOf(line: ScreenLine, columns: number): number {
  return Math.max(1, Math.ceil(line.width / Math.max(1, columns)));
}
