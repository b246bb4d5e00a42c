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

interface Failure {
  readonly name: string;
  readonly error: unknown;
}

/**
 * Starts those that do not run, all at once, each a fresh one: in a pod nobody depends on another. What fails does not keep the others
 * from being started; it is told at the end, oldest container first.
 */
export async function startPod(context: EngineContext, id: string): Promise<PodRecord> {
  await ensurePod(context, id);
  const members = membersOf(context.state, id);
  const outcomes = await Promise.allSettled(members.map((member) => startMember(context, member.id)));
  const failures = members.flatMap(({ id: memberId, name }, index): Failure[] => {
    const outcome = outcomes[index];
    if (outcome?.status !== 'rejected') return [];
    const error: unknown = outcome.reason;
    // Removed meanwhile.
    if (hasCode(error, Code.NOT_FOUND) && context.state.containers.byId(memberId) === undefined) return [];
    return [{ name, error }];
  });
  if (failures.length > 0) throw startFailure(podNow(context.state.pods, id).name, failures);
  return podNow(context.state.pods, id);
}

/** A paused one runs, and stays as it is. One that is in a lost sandbox has been ended with that, and its exit is on the way. */
async function startMember(context: EngineContext, memberId: string): Promise<void> {
  const running = context.live.get(memberId);
  if (running !== undefined) {
    if (context.state.pods.bySandbox(running.sandboxId) !== undefined) return;
    if (!(await endedWithin(running, EXIT_PATIENCE_MS)))
      throw new K3cError(Code.DEADLINE_EXCEEDED, 'its process in an earlier sandbox does not end', {
        hint: 'it is stuck in the kernel, often on a file system that does not answer',
      });
  }
  await startContainer(context, memberId);
}

function startFailure(pod: string, failures: readonly Failure[]): K3cError {
  const errors = failures.map(({ name, error }) => ({ name, error: toK3cError(error) }));
  const { code, reason, hint } = errors[0]?.error ?? toK3cError(undefined);
  const what = errors.map(({ name, error }) => `${name}: ${error.message}`).join('; ');
  return new K3cError(code, `cannot start all containers of pod ${pod}: ${what}`, {
    reason,
    hint,
    cause: failures[0]?.error,
  });
}
