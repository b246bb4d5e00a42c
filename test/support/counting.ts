/** Output of which a lost, doubled or changed byte shows: the numbers from 1 on, a line each. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A busybox shell script that counts to `last` with a pause after each line, then runs `then`. */
export function countTo(last: number, pauseSeconds: number, then = 'exit 0'): string {
  return `i=0; while [ $i -lt ${last} ]; do i=$((i+1)); echo $i; sleep ${pauseSeconds}; done; ${then}`;
}

/** What such a script prints. */
export function counted(last: number): string {
  return Array.from({ length: last }, (_, at) => `${at + 1}\n`).join('');
}

/** Waits until a condition holds; says what was waited for when it does not within the time. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, patienceMs = 20_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await sleep(50);
  }
}
