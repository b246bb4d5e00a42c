import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveContainer } from './context.ts';

/**
 * Whether an attempt ends, and its end is recorded, in time. Rejects when the daemon stops.
 * @param milliseconds undefined: for ever
 */
export async function endedWithin(live: LiveContainer, milliseconds: number | undefined): Promise<boolean> {
  const exit = live.exit.then(() => true);
  if (milliseconds === undefined) return await exit;
  const late = new AbortController();
  try {
    return await Promise.race([exit, sleep(milliseconds, false, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}
