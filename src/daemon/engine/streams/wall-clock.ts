/** Beyond this difference the system's clock was set, and the reckoning starts anew. Milliseconds. */
const SET_MS = 20;

/**
 * The time of day with the resolution of the monotonic clock: Date.now() alone would give thousands of log records the
 * same time. It goes backwards only when the system's clock is set.
 */
export class WallClock {
  #offsetMs = Date.now() - performance.now();

  /** Milliseconds and fractions since the epoch. */
  nowMs(): number {
    const now = performance.now() + this.#offsetMs;
    const system = Date.now();
    if (Math.abs(now - system) <= SET_MS) return now;
    this.#offsetMs += system - now;
    return system;
  }

  /** RFC 3339 in UTC with nine digits, as CRI's logs have it. */
  now(): string {
    const ms = this.nowMs();
    const whole = Math.floor(ms);
    const nanos = String(Math.floor((ms - whole) * 1e6)).padStart(6, '0');
    return `${new Date(whole).toISOString().slice(0, -1)}${nanos}Z`;
  }
}
