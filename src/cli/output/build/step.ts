/** One step of a build (BuildKit's vertex, or a group of vertexes shown as one), as the views need it. */
import { StringDecoder } from 'node:string_decoder';
import { type Interval, mergeIntervals } from './intervals.ts';

/** Progress inside a step: a layer that is downloaded, a context that is transferred. */
export interface Progress {
  readonly id: string;
  readonly current: number;
  readonly total: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly started: number | undefined;
  readonly completed: number | undefined;
}

export interface StepWarning {
  readonly short: string;
  readonly detail: readonly string[];
  readonly url: string;
}

export class Step {
  readonly digest: string;
  name: string;
  cached = false;
  error = '';
  /** In a group none of whose members had anything to do yet. */
  hidden = false;
  /** In the order in which they started. */
  readonly progress: Progress[] = [];
  readonly warnings: StepWarning[] = [];
  /** By start. A message about the same piece of work replaces the one before. */
  readonly intervals = new Map<number, Interval>();
  merged: readonly Interval[] = [];
  readonly #decoder = new StringDecoder('utf8');

  constructor(digest: string, name: string) {
    this.digest = digest;
    this.name = name;
  }

  get started(): boolean {
    return this.merged.length > 0;
  }

  get completed(): boolean {
    return this.merged.length > 0 && this.latest?.stop !== undefined;
  }

  get latest(): Interval | undefined {
    return this.merged[this.merged.length - 1];
  }

  /** Whether it ended because another step failed or the user gave up. */
  get canceled(): boolean {
    return this.error.endsWith('context canceled');
  }

  get failed(): boolean {
    return this.error !== '' && !this.canceled;
  }

  ran(interval: Interval): void {
    this.intervals.set(interval.start, interval);
    this.merged = mergeIntervals(this.intervals.values());
  }

  /** Sets a progress by its id. */
  report(progress: Progress): void {
    const index = this.progress.findIndex(({ id }) => id === progress.id);
    if (index >= 0) this.progress[index] = progress;
    else this.progress.push(progress);
  }

  /** Bytes of output as text; a character that is cut in two waits for its rest. */
  decode(bytes: Uint8Array): string {
    return this.#decoder.write(Buffer.from(bytes));
  }
}
