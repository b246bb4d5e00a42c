/** Several operands: each is tried, each success is printed, the failures are told, and any makes the exit code 1. */

import { K3cError } from '../api/errors.ts';
import type { CommandContext } from './context.ts';
import { errorSentence, isAbort } from './exit.ts';

/** How many are under way at once. */
const AT_ONCE = 50;

export interface EachOptions {
  /** Whether a failure is as good as a success: told, but not counted. */
  readonly forgives?: (error: unknown) => boolean;
}

/**
 * Does an act for each operand and prints what it returns, in the order of the operands. Throws where no operand can succeed:
 * the daemon does not answer, or the command was stopped.
 */
export async function forEachOperand(
  context: CommandContext,
  operands: readonly string[],
  act: (operand: string) => Promise<string>,
  options: EachOptions = {},
): Promise<number> {
  let failed = false;
  const queue = operands.map((operand) => ({ operand, result: undefined as Promise<Outcome> | undefined }));
  const start = (index: number) => {
    const entry = queue[index];
    if (entry !== undefined) entry.result ??= settle(act(entry.operand));
  };
  for (let i = 0; i < queue.length; i++) {
    for (let next = i; next < i + AT_ONCE; next++) start(next);
    const outcome = await queue[i]?.result;
    if (outcome === undefined) continue;
    if ('printed' in outcome) {
      context.stdout.write(`${outcome.printed}\n`);
      continue;
    }
    const { error } = outcome;
    if (isAbort(error) || isUnreachable(error)) throw error;
    failed ||= options.forgives?.(error) !== true;
    context.stderr.write(`${errorSentence(error)}\n`);
    if (error instanceof K3cError && error.hint !== undefined) context.stderr.write(`hint: ${error.hint}\n`);
  }
  return failed ? 1 : 0;
}

type Outcome = { readonly printed: string } | { readonly error: unknown };

function settle(act: Promise<string>): Promise<Outcome> {
  return act.then(
    (printed) => ({ printed }),
    (error: unknown) => ({ error }),
  );
}

function isUnreachable(error: unknown): boolean {
  return error instanceof K3cError && error.reason === 'daemon-unreachable';
}
