/**
 * BuildKit's plain view: every step is numbered when it first has something to say, and lines of steps that run at the same time
 * alternate in blocks. Format and pace are those of buildkit's progressui textMux.
 */
import type { Writable } from 'node:stream';
import type { BuildStatus } from '../../../client/build/control.ts';
import { formatProgress } from './bytes.ts';
import type { Clock, Display } from './display.ts';
import { totalSeconds } from './intervals.ts';
import type { Progress, Step } from './step.ts';
import { StepLog } from './step-log.ts';
import { Trace } from './trace.ts';

/** Milliseconds between prints. */
const PACE = 100;
/** A step keeps the word for about this long before another gets it. */
const ANTI_FLICKER = 5;
/** Seconds after which a silent step is shown although another is busier. */
const MAX_DELAY = 10;
/** Progress is printed again when it advanced by so much, or after so many milliseconds. */
const MIN_PROGRESS = 0.05;
const MIN_PROGRESS_TIME = 5000;

interface Line {
  readonly log: StepLog;
  index: number;
  /** Things that happened since the step last lost the word. */
  count: number;
  since: number;
  readonly reported: Set<string>;
  warningsPrinted: number;
}

export class PlainDisplay implements Display {
  readonly #out: Writable;
  readonly #now: Clock;
  readonly #trace = new Trace();
  readonly #lines = new Map<Step, Line>();
  readonly #updated = new Set<Step>();
  readonly #printed = new Map<string, Progress>();
  #current: Step | undefined;
  #first = true;
  #next = 1;
  #lastPrint = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(out: Writable, now: Clock = Date.now) {
    this.#out = out;
    this.#now = now;
  }

  update(status: BuildStatus): void {
    const { activity, progress, output } = this.#trace.update(status);
    for (const { step, text, timestamp } of output) this.#line(step).log.append(text, timestamp);
    for (const [step, ids] of progress) for (const id of ids) this.#line(step).reported.add(id);
    for (const [step, count] of activity) {
      const line = this.#line(step);
      if (line.count === 0) line.since = this.#now();
      line.count += count;
      this.#updated.add(step);
    }
    const wait = this.#lastPrint + PACE - this.#now();
    if (wait <= 0) this.#print();
    else this.#timer ??= setTimeout(() => this.#print(), wait);
  }

  done(): void {
    this.#print();
    clearTimeout(this.#timer);
    for (const step of this.#trace.started) {
      if (!step.failed) continue;
      this.#out.write(`------\n > ${step.name}:\n`);
      for (const line of this.#line(step).log.last) this.#out.write(`${line}\n`);
      this.#out.write('------\n');
    }
  }

  #line(step: Step): Line {
    let line = this.#lines.get(step);
    if (line === undefined) {
      const log = new StepLog(step);
      line = { log, index: 0, count: 0, since: this.#now(), reported: new Set(), warningsPrinted: 0 };
      this.#lines.set(step, line);
    }
    return line;
  }

  #print(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastPrint = this.#now();
    const visible = [...this.#updated].filter((step) => !step.hidden);
    const completed = visible.filter((step) => step.completed);
    const running = visible.filter((step) => !step.completed && step.started);
    const current = this.#current;
    const currentEnded = current !== undefined && completed.includes(current);
    if (currentEnded) this.#printStep(current);
    const byEnd = [...completed].sort((a, b) => (a.latest?.stop ?? 0) - (b.latest?.stop ?? 0));
    for (const step of byEnd) if (step !== current) this.#printStep(step);
    if (running.length === 0) {
      if (current?.started && !current.completed) return;
      const open = this.#trace.started.find((step) => !step.completed && !step.hidden);
      if (open !== undefined) this.#printStep(open);
      return;
    }
    if (current !== undefined && running.includes(current)) this.#printStep(current);
    const next = this.#chooseNext(running, current, currentEnded);
    if (next !== undefined) this.#printStep(next);
  }

  /** The step that gets the word from the current one, by how busy each was since it last had it. */
  #chooseNext(running: readonly Step[], current: Step | undefined, currentEnded: boolean): Step | undefined {
    const candidates = new Set(running);
    if (current !== undefined && !currentEnded) candidates.add(current);
    const stats = [...candidates].map((step) => {
      const line = this.#line(step);
      const seconds = Math.max((this.#now() - line.since) / 1000, 1e-6);
      return { step, seconds, speed: line.count / seconds, late: seconds > MAX_DELAY && step !== current };
    });
    const busiest = stats.reduce((best, each) => (each.late || each.speed > best.speed ? each : best));
    if (current === undefined || currentEnded) return busiest.step;
    const late = stats.find((each) => each.late);
    if (late !== undefined) return late.step;
    const mine = stats.find((each) => each.step === current);
    if (mine === undefined) return busiest.step;
    const share = mine.speed / stats.reduce((sum, { speed }) => sum + speed, 0);
    return ANTI_FLICKER / (1 - share) < mine.seconds ? busiest.step : undefined;
  }

  #printStep(step: Step): void {
    const line = this.#line(step);
    if (line.index === 0) line.index = this.#next++;
    const prefix = `#${line.index} `;
    let text = step === this.#current ? '' : this.#heading(step, prefix);
    const { text: progress, open } = this.#progress(step, line, prefix);
    text += progress;
    for (const warning of step.warnings.slice(line.warningsPrinted)) text += `${prefix}WARN: ${warning.short}\n`;
    line.warningsPrinted = step.warnings.length;
    text += line.log.take(prefix);
    this.#current = step;
    if (step.completed && !open) {
      this.#current = undefined;
      line.count = 0;
      if (line.log.partial) text += '\n';
      text += `${prefix}${this.#ending(step)}\n`;
    }
    this.#updated.delete(step);
    this.#out.write(text);
  }

  #heading(step: Step, prefix: string): string {
    let text = '';
    if (this.#current !== undefined) {
      const old = this.#line(this.#current);
      if (old.log.partial) text += '\n';
      old.log.interrupt();
      old.count = 0;
      text += `#${old.index} ...\n`;
    }
    if (!this.#first) text += '\n';
    this.#first = false;
    return `${text}${prefix}${step.name}\n`;
  }

  #progress(step: Step, line: Line, prefix: string): { text: string; open: boolean } {
    let text = '';
    let open = false;
    for (const progress of step.progress) {
      if (!line.reported.has(progress.id)) continue;
      const key = `${step.digest} ${progress.id}`;
      const last = this.#printed.get(key);
      if (last !== undefined && progress.completed === undefined) {
        const advance = progress.total > 0 ? (progress.current - last.current) / progress.total : 0;
        if (advance < MIN_PROGRESS && progress.timestamp - last.timestamp < MIN_PROGRESS_TIME) continue;
      }
      this.#printed.set(key, progress);
      const bytes = formatProgress(progress.current, progress.total);
      const seconds = ((progress.completed ?? progress.timestamp) - (progress.started ?? Number.NaN)) / 1000;
      text += `${prefix}${progress.id}${bytes === '' ? '' : ` ${bytes}`}`;
      if (seconds > 0.01) text += ` ${seconds.toFixed(1)}s`;
      if (progress.completed === undefined) open = true;
      else text += ' done';
      text += '\n';
    }
    line.reported.clear();
    return { text, open };
  }

  #ending(step: Step): string {
    if (step.canceled) return 'CANCELED';
    if (step.error !== '') return `ERROR: ${step.error}`;
    if (step.cached) return 'CACHED';
    return `DONE ${totalSeconds(step.merged, this.#now()).toFixed(1)}s`;
  }
}
