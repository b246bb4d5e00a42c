/**
 * BuildKit's terminal view: a headline with the time and the count of steps, a line for each step with its time, the last lines
 * of output below the busiest running ones, and what does not fit left out, oldest finished steps first.
 */
import type { Writable } from 'node:stream';
import type { BuildStatus } from '../../../client/build/control.ts';
import type { Terminal } from '../../context.ts';
import { formatProgress } from './bytes.ts';
import { cut, spread } from './cells.ts';
import type { Clock, Display } from './display.ts';
import { type Interval, totalSeconds } from './intervals.ts';
import { plainLine, Screen, type ScreenLine } from './screen.ts';
import type { Step } from './step.ts';
import { secondsInto } from './step-log.ts';
import { TailTerminal } from './tail-terminal.ts';
import { Trace } from './trace.ts';

const REFRESH = 100;
/** Lines of output below a running step. */
const TAIL = 6;
/** Lines of output that are shown again when the step has failed. */
const ERROR_LINES = 50;

const COLORS = { done: '34', failed: '31', canceled: '33' } as const;

interface Row {
  readonly text: string;
  readonly status: string;
  readonly intervals: readonly Interval[];
  readonly state: 'running' | keyof typeof COLORS;
  /** The step whose output may be shown below. */
  readonly step: Step | undefined;
}

interface Output {
  readonly tail: TailTerminal;
  /** The last lines with the second they came at, for the error. */
  readonly log: TailTerminal;
  /** Whether the last of them is unfinished. */
  open: boolean;
  bytes: number;
  /** How often its tail was shown: those that were stay. */
  shown: number;
}

export interface TtyOptions {
  readonly out: Writable;
  readonly terminal: Pick<Terminal, 'size' | 'onResize'>;
  readonly color: boolean;
  readonly now?: Clock;
}

export class TtyDisplay implements Display {
  readonly #options: TtyOptions;
  readonly #now: Clock;
  readonly #trace = new Trace();
  readonly #screen: Screen;
  readonly #outputs = new Map<Step, Output>();
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: () => void;
  readonly #began: number;

  constructor(options: TtyOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#began = this.#now();
    this.#screen = new Screen(options.out);
    this.#timer = setInterval(() => this.#draw(false), REFRESH);
    this.#stopListening = options.terminal.onResize(() => this.#draw(false));
  }

  update(status: BuildStatus): void {
    const { output } = this.#trace.update(status);
    for (const { step, text, timestamp } of output) {
      let known = this.#outputs.get(step);
      if (known === undefined) {
        known = { tail: new TailTerminal(TAIL), log: new TailTerminal(ERROR_LINES), open: false, bytes: 0, shown: 0 };
        this.#outputs.set(step, known);
      }
      known.tail.write(text);
      writeStamped(known, text, secondsInto(step, timestamp));
      known.bytes += text.length;
    }
  }

  done(): void {
    clearInterval(this.#timer);
    this.#stopListening();
    this.#draw(true);
    this.#screen.release();
    for (const step of this.#trace.started) {
      if (!step.failed) continue;
      const lines = this.#outputs.get(step)?.log.lines ?? [];
      this.#options.out.write(['------', ` > ${step.name}:`, ...lines, '------', ''].join('\n'));
    }
  }

  #draw(final: boolean): void {
    const size = this.#options.terminal.size();
    const rows = this.#trace.started.filter((step) => !step.hidden).flatMap((step) => this.#rowsOf(step));
    const tails = this.#chooseTails(rows, size.rows);
    const hidden = [...tails].reduce((sum, step) => sum + this.#tailOf(step).length, 0);
    const visible = final ? rows : fit(rows, size.rows - 2 - hidden);
    const lines = [this.#headline(size.columns, final)];
    for (const row of visible) {
      const line = this.#line(row, size.columns);
      if (line === undefined) continue;
      lines.push(line);
      if (final || row.step === undefined || !tails.has(row.step)) continue;
      for (const text of this.#tailOf(row.step)) {
        lines.push(this.#paint(cut(` => => # ${text}`, size.columns), '2'));
      }
    }
    this.#screen.draw(lines, size);
  }

  #headline(width: number, final: boolean): ScreenLine {
    const steps = this.#trace.steps;
    const completed = steps.filter((step) => step.completed).length;
    const seconds = (this.#now() - (this.#trace.startTime ?? this.#began)) / 1000;
    const finished = final && completed > 0 && completed === steps.length ? ' FINISHED' : '';
    const text = `[+] Building ${seconds.toFixed(1)}s (${completed}/${steps.length})${finished}`;
    return plainLine(cut(text, width));
  }

  #rowsOf(step: Step): Row[] {
    const state = step.canceled ? 'canceled' : step.failed ? 'failed' : step.completed ? 'done' : 'running';
    const error = step.canceled ? 'CANCELED ' : step.failed ? 'ERROR ' : '';
    const text = `${step.cached ? 'CACHED ' : ''}${error}${step.name.replaceAll('\t', ' ')}`;
    const rows: Row[] = [{ text, status: '', intervals: step.merged, state, step }];
    for (const { id, current, total, started, completed } of step.progress) {
      if (started === undefined) continue;
      rows.push({
        text: `=> ${id}`,
        status: formatProgress(current, total),
        intervals: [{ start: started, stop: completed }],
        state: completed === undefined ? 'running' : 'done',
        step: undefined,
      });
    }
    const latest = step.latest;
    for (const { short } of step.warnings) {
      if (latest === undefined) break;
      rows.push({ text: `WARN: ${short}`, status: '', intervals: [latest], state: 'canceled', step: undefined });
    }
    return rows;
  }

  /** The running steps whose output is shown: the busiest that there is room for. */
  #chooseTails(rows: readonly Row[], height: number): Set<Step> {
    const running = rows.filter(({ state }) => state === 'running');
    const weight = ({ bytes, shown }: Output) => bytes + shown * 50;
    const candidates = running
      .flatMap(({ step }) => {
        const output = step === undefined ? undefined : this.#outputs.get(step);
        return step === undefined || output === undefined || output.bytes === 0 ? [] : [{ step, output }];
      })
      .sort((a, b) => weight(b.output) - weight(a.output));
    const chosen = new Set<Step>();
    let free = height - 2 - running.length;
    for (const { step, output } of candidates) {
      if (free <= TAIL + 3) break;
      chosen.add(step);
      output.shown++;
      free -= TAIL + 3;
    }
    return chosen;
  }

  #tailOf(step: Step): string[] {
    return this.#outputs.get(step)?.tail.lines.slice(-TAIL) ?? [];
  }

  #line(row: Row, width: number): ScreenLine | undefined {
    const seconds = totalSeconds(row.intervals, this.#now());
    const timer = `${(seconds < 0.05 ? 0 : seconds).toFixed(1)}s`;
    const prefix = ' => ';
    let room = width - prefix.length - timer.length - 2;
    const showStatus = row.status !== '' && room + row.status.length > 20;
    if (showStatus) room -= row.status.length + 1;
    if (room < 12) return undefined;
    const left = `${prefix}${cut(row.text, room)}${showStatus ? ` ${row.status}` : ''}`;
    const text = spread(left, timer, width);
    return row.state === 'running' ? plainLine(text) : this.#paint(text, COLORS[row.state]);
  }

  #paint(text: string, code: string): ScreenLine {
    const line = plainLine(text);
    return this.#options.color ? { text: `\x1b[${code}m${text}\x1b[0m`, width: line.width } : line;
  }
}

/** The rows that fit: the last ones, but running ones rather than finished ones. */
function fit(rows: readonly Row[], limit: number): readonly Row[] {
  if (rows.length <= limit) return rows;
  if (limit <= 0) return [];
  let surplus = rows.length - limit;
  const kept = rows.filter((row) => {
    if (surplus === 0 || row.state === 'running') return true;
    surplus--;
    return false;
  });
  return kept.slice(-limit);
}

/** A line that begins anew with a carriage return gets its second anew. */
function writeStamped(output: Output, text: string, second: string): void {
  for (const piece of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const line = piece.replace(/\r(?!\n)/g, `\r${second} `);
    output.log.write(output.open ? line : `${second} ${line}`);
    output.open = !piece.endsWith('\n');
  }
}
