/** `pod start`: a sandbox, and all containers of the pod in it. */
import { Code, hasCode, K3cError, toK3cError } from '../../../api/errors.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { EngineContext } from '../containers/context.ts';
import { endedWithin } from '../containers/ended-within.ts';
import { startContainer } from '../containers/lifecycle.ts';
import { podNow } from './find-pod.ts';
import { membersOf } from './members.ts';
import { ensurePod } from './sandbox.ts';

/** For the exit of a process that has been killed to be recorded. */
const EXIT_PATIENCE_MS = 10_000;

/**
 * Starts those that do not run, oldest first, each a fresh one. What fails does not keep the others from being started; it is told at
 * the end: the error of one as it is, those of several in one.
 */
export async function startPod(context: EngineContext, id: string): Promise<PodRecord> {
  await ensurePod(context, id);
  const failures: { readonly name: string; readonly error: unknown }[] = [];
  for (const member of membersOf(context.state, id)) {
    try {
      if (!(await hasEnded(context, member.id))) continue;
      await startContainer(context, member.id);
    } catch (error) {
      // Removed meanwhile.
      if (hasCode(error, Code.NOT_FOUND) && context.state.containers.byId(member.id) === undefined) continue;
      failures.push({ name: member.name, error });
    }
  }
  const [first] = failures;
  if (first !== undefined) throw startFailure(podNow(context.state.pods, id).name, failures);
  return podNow(context.state.pods, id);
}

/** A paused one runs, and stays as it is. One that is in a lost sandbox has been ended with that, and its exit is on the way. */
async function hasEnded({ live, state }: EngineContext, memberId: string): Promise<boolean> {
  const running = live.get(memberId);
  if (running === undefined) return true;
  if (state.pods.bySandbox(running.sandboxId) !== undefined) return false;
  return await endedWithin(running, EXIT_PATIENCE_MS);
}

function startFailure(pod: string, failures: readonly { readonly name: string; readonly error: unknown }[]): K3cError {
  const errors = failures.map(({ name, error }) => ({ name, error: toK3cError(error) }));
  const { code, reason, hint } = errors[0]?.error ?? toK3cError(undefined);
  const what = errors.map(({ name, error }) => `${name}: ${error.message}`).join('; ');
  return new K3cError(code, `cannot start all containers of pod ${pod}: ${what}`, {
    reason,
    hint,
    cause: failures[0]?.error,
  });
}
