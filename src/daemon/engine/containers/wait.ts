import { Code, K3cError } from '../../../api/errors.ts';
import type { EngineContext } from './context.ts';
import type { ContainerExit } from './exit-board.ts';
import { findContainer } from './identity.ts';

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/** The exit code of a container when the condition holds; a container that does not run satisfies the default at once. */
export async function waitContainer(
  context: EngineContext,
  reference: string,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<ContainerExit> {
  const record = findContainer(context.state.containers, reference);
  if (condition === 'removed') return await context.exits.next(record.id, 'removed', signal);
  // One that waits for its restart is not done, as in docker: its next end is meant.
  const busy = context.live.has(record.id) || record.state === 'starting' || record.state === 'restarting';
  if (condition === 'not-running' && !busy)
    return { exitCode: record.exitCode, oomKilled: record.oomKilled, error: record.error };
  return await context.exits.next(record.id, 'exit', signal);
}

/** Reads a condition as docker names it; empty is the default. */
export function parseCondition(text: string): WaitCondition {
  if (text === '') return 'not-running';
  if (text === 'not-running' || text === 'next-exit' || text === 'removed') return text;
  throw new K3cError(Code.INVALID_ARGUMENT, `invalid condition: "${text}"`, { reason: 'bad-input' });
}
