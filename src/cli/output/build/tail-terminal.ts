/**
 * The last lines of a step's output as a terminal would show them: progress bars that redraw themselves with carriage returns
 * and cursor movements stay one line, colours and titles are dropped.
 */
export class TailTerminal {
  readonly #height: number;
  #rows: string[] = [''];
  #row = 0;
  #column = 0;
  /** An escape sequence that is not complete yet. */
  #pending = '';

  constructor(height: number) {
    this.#height = height;
  }

  /** The lines that are not blank, oldest first. */
  get lines(): string[] {
    return this.#rows.filter((row) => row.trim() !== '');
  }

  write(text: string): void {
    let rest = this.#pending + text;
    this.#pending = '';
    while (rest !== '') {
      if (rest.startsWith('\x1b')) {
        const length = this.#escape(rest);
        if (length === 0) {
          // A sequence this long is none.
          if (rest.length < 256) this.#pending = rest;
          return;
        }
        rest = rest.slice(length);
        continue;
      }
      const end = rest.search(/\p{Cc}/u);
      if (end === 0) {
        this.#control(rest[0] ?? '');
        rest = rest.slice(1);
        continue;
      }
      this.#put(end < 0 ? rest : rest.slice(0, end));
      rest = end < 0 ? '' : rest.slice(end);
    }
  }

  #put(text: string): void {
    const row = (this.#rows[this.#row] ?? '').padEnd(this.#column);
    this.#rows[this.#row] = row.slice(0, this.#column) + text + row.slice(this.#column + text.length);
    this.#column += text.length;
  }

  #control(char: string): void {
    if (char === '\r') this.#column = 0;
    else if (char === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (char === '\t') this.#column = (Math.floor(this.#column / 8) + 1) * 8;
    else if (char === '\n') {
      this.#column = 0;
      this.#row++;
      if (this.#row === this.#rows.length) this.#rows.push('');
      if (this.#rows.length > this.#height + 1) {
        this.#rows.shift();
        this.#row--;
      }
    }
  }

  /** Acts on an escape sequence at the start of a text; returns its length, 0 while it is incomplete. */
  #escape(text: string): number {
    if (text.length < 2) return 0;
    if (text[1] === ']') return titleLength(text);
    if (text[1] !== '[') return 2;
    const body = text.slice(2);
    const match = /^([0-9;?]*)[ -/]*([@-~])/.exec(body);
    if (match === null) return /^[0-9;? -/]*$/.test(body) ? 0 : 2;
    this.#move(Number.parseInt(match[1] ?? '', 10) || 0, match[2] ?? '');
    return 2 + match[0].length;
  }

  #move(parameter: number, final: string): void {
    const count = Math.max(1, parameter);
    const row = this.#rows[this.#row] ?? '';
    if (final === 'A') this.#row = Math.max(0, this.#row - count);
    else if (final === 'B') this.#row = Math.min(this.#rows.length - 1, this.#row + count);
    else if (final === 'C') this.#column += count;
    else if (final === 'D') this.#column = Math.max(0, this.#column - count);
    else if (final === 'G') this.#column = count - 1;
    else if (final === 'K') {
      if (parameter === 0) this.#rows[this.#row] = row.slice(0, this.#column);
      else if (parameter === 1) this.#rows[this.#row] = ' '.repeat(this.#column) + row.slice(this.#column);
      else this.#rows[this.#row] = '';
    } else if (final === 'J' && parameter === 0) {
      this.#rows.length = this.#row + 1;
      this.#rows[this.#row] = row.slice(0, this.#column);
    } else if (final === 'J' && parameter >= 2) {
      this.#rows = [''];
      this.#row = 0;
      this.#column = 0;
    }
  }
}

/** A title or link ends with BEL or with ESC and a backslash. */
function titleLength(text: string): number {
  const bell = text.indexOf('\x07');
  const terminator = text.indexOf('\x1b\\', 2);
  if (bell < 0 && terminator < 0) return 0;
  return bell >= 0 && (terminator < 0 || bell < terminator) ? bell + 1 : terminator + 2;
}
