/** `pod stop`: the containers of a pod, then its sandbox. */
import { Code, hasCode } from '../../../api/errors.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { EngineContext } from '../containers/context.ts';
import { stopContainer } from '../containers/lifecycle.ts';
import { podNow } from './find-pod.ts';
import { podLock } from './locks.ts';
import { isActive, membersOf } from './members.ts';
import { takeDown } from './sandbox.ts';
import type { StopPodOptions } from './types.ts';

/**
 * All at once, each by its own signal and in its own time; their restart policies are over then. A container that is started
 * meanwhile is stopped, too.
 */
export async function stopPod(context: EngineContext, id: string, { timeout }: StopPodOptions): Promise<PodRecord> {
  for (;;) {
    await stopMembers(context, id, timeout);
    const stopped = await context.locks.run(podLock(id), async () => {
      const pod = podNow(context.state.pods, id);
      if (membersOf(context.state, id).some((member) => isActive(context, member))) return false;
      if (pod.state === 'running') await takeDown(context, pod);
      return true;
    });
    if (stopped) return podNow(context.state.pods, id);
  }
}

async function stopMembers(context: EngineContext, id: string, timeout: number | undefined): Promise<void> {
  const active = membersOf(context.state, id).filter((member) => isActive(context, member));
  await allExceptGone(active.map((member) => stopContainer(context, member.id, { timeout })));
}

/** Waits for all of them and throws the first failure; a container that is gone needs nothing any more. */
export async function allExceptGone(acts: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(acts))
    if (outcome.status === 'rejected' && !hasCode(outcome.reason, Code.NOT_FOUND)) throw outcome.reason;
}
