/** Wall-clock time in nanoseconds, each reading later than the one before: rows and events keep their order. */
export class Clock {
  #last = 0n;

  now(): bigint {
    const time = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
    const wall = BigInt(Date.now()) * 1_000_000n;
    // performance.now() does not follow a wall clock that was set; then the coarser one counts.
    const drift = time > wall ? time - wall : wall - time;
    const best = drift > 50_000_000n ? wall : time;
    this.#last = best > this.#last ? best : this.#last + 1n;
    return this.#last;
  }
}
