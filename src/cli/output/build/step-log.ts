/** The output of a step for the plain view: lines with the second they came at, and the last of them for an error. */
import type { Step } from './step.ts';

/** Lines that are repeated when the step fails. */
const LAST_LINES = 10;

export class StepLog {
  readonly #step: Step;
  /** Lines not printed yet; the last may go on. */
  #lines: string[] = [];
  /** How much of the first of them is printed already. */
  #offset = 0;
  #last: string[] = [];
  /** The first of them is the end of `#last` already. */
  #remembered = false;
  /** Whether the last line is unfinished. */
  partial = false;

  constructor(step: Step) {
    this.#step = step;
  }

  /** The last lines, oldest first. */
  get last(): readonly string[] {
    return this.#last;
  }

  append(text: string, timestamp: number): void {
    if (text === '') return;
    const pieces = text.split('\n');
    const complete = pieces[pieces.length - 1] === '';
    if (complete) pieces.pop();
    for (const [index, piece] of pieces.entries()) {
      const open = this.#lines.length - 1;
      if (index === 0 && this.partial && open >= 0) this.#lines[open] += piece;
      else this.#lines.push(`${secondsInto(this.#step, timestamp)} ${piece}`);
    }
    this.partial = !complete;
  }

  /** Another step got the word: an unfinished line begins anew when it goes on. */
  interrupt(): void {
    this.#offset = 0;
  }

  /** What there is to print, each line with the prefix. */
  take(prefix: string): string {
    let text = '';
    for (const [index, line] of this.#lines.entries()) {
      text += index === 0 && this.#offset > 0 ? line.slice(this.#offset) : `${prefix}${line}`;
      const unfinished = index === this.#lines.length - 1 && this.partial;
      if (!unfinished) text += '\n';
      if (index === 0 && this.#remembered) this.#last.pop();
      this.#last.push(line);
      if (this.#last.length > LAST_LINES) this.#last = this.#last.slice(-LAST_LINES);
    }
    const open = this.partial ? this.#lines[this.#lines.length - 1] : undefined;
    this.#lines = open === undefined ? [] : [open];
    this.#offset = open?.length ?? 0;
    this.#remembered = open !== undefined;
    return text;
  }
}

/** Seconds since the step began, with fewer decimals the longer it runs. */
export function secondsInto(step: Step, timestamp: number): string {
  const start = step.latest?.start;
  const seconds = start === undefined ? 0 : (timestamp - start) / 1000;
  return seconds.toFixed(seconds < 10 ? 3 : seconds < 100 ? 2 : 1);
}
