/**
 * How much may be begun at once of what nobody waits for: probes, tear-downs. Each is a run of runc or of a network plugin, some
 * 30 ms of a processor and more: fifty of them at once take all.
 */
import { availableParallelism } from 'node:os';

/** A start that takes longer is stuck, and must not keep the others waiting. */
const LONGEST_MS = 2000;

export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param count half of the processors unless told: checks come later rather than the user's work slower */
  constructor(count = Math.max(1, Math.floor(availableParallelism() / 2))) {
    this.#free = count;
  }

  /** Runs the start in a slot, first come first served. */
  async run<T>(start: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let held = true;
    const leave = () => {
      if (!held) return;
      held = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
    const timer = setTimeout(leave, LONGEST_MS);
    try {
      return await start();
    } finally {
      clearTimeout(timer);
      leave();
    }
  }
}
