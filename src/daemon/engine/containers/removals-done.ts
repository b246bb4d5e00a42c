/** The end of what removals do in the background. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineContext } from './context.ts';

const PATIENCE_MS = 20_000;

/**
 * Resolves when CRI has nothing of removed containers any more, so that their images are free, or after a while: what is left
 * goes in the background all the same.
 */
export async function removalsDone({ background }: Pick<EngineContext, 'background'>): Promise<void> {
  const late = new AbortController();
  // It is ended below, when the other has won.
  const patience = sleep(PATIENCE_MS, undefined, { signal: late.signal }).catch(() => undefined);
  try {
    await Promise.race([background.settled(), patience]);
  } finally {
    late.abort();
  }
}
