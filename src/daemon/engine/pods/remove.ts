/** `pod rm`: a pod with its containers. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { EngineContext } from '../containers/context.ts';
import { removeContainer } from '../containers/remove.ts';
import { tellNetwork } from '../containers/resource-events.ts';
import { removeContainerOf, removeSandbox } from '../containers/sandboxes.ts';
import { tellPod } from './events.ts';
import { podNow } from './find-pod.ts';
import { podLock, verbLock } from './locks.ts';
import { isActive, membersOf } from './members.ts';
import { giveBack } from './sandbox.ts';
import { allExceptGone } from './stop.ts';
import type { RemovedPod } from './types.ts';

/**
 * Takes the pod's lock itself. Removes the containers with their anonymous volumes, as podman does, and the pod. What CRI holds goes in the background; names,
 * address and ports are free when it returns.
 */
export async function removePod(context: EngineContext, id: string, force: boolean): Promise<RemovedPod> {
  const { name } = podNow(context.state.pods, id);
  const gone: ContainerRecord[] = [];
  const removeMembers = async () => {
    const members = membersOf(context.state, id);
    if (!force) refuseWhenActive(context, name, members);
    await allExceptGone(members.map((member) => removeContainer(context, member.id, { force, volumes: true })));
    gone.push(...members);
  };
  // Before the lock: a stop that waits for a container's end would hold it.
  if (force) await removeMembers();
  await context.locks.run(verbLock(id), async () => {
    do await removeMembers();
    while (!(await forgetEmpty(context, id, gone)));
  });
  return { name, containers: gone.map((member) => member.id) };
}

/** False when a container was put in meanwhile. */
function forgetEmpty(context: EngineContext, id: string, gone: readonly ContainerRecord[]): Promise<boolean> {
  return context.locks.run(podLock(id), async () => {
    if (membersOf(context.state, id).length > 0) return false;
    await forget(context, podNow(context.state.pods, id), gone);
    return true;
  });
}

function refuseWhenActive(context: EngineContext, name: string, members: ReturnType<typeof membersOf>): void {
  const active = members.filter((member) => isActive(context, member)).map((member) => member.name);
  if (active.length === 0) return;
  throw new K3cError(
    Code.FAILED_PRECONDITION,
    `cannot remove pod "${name}": it has running containers (${active.join(', ')}): stop the pod before removing or force remove`,
    { reason: 'pod-in-use' },
  );
}

/** The row first: a daemon that dies before the rest is gone finds the sandbox by its label, and the files by their name. */
async function forget(context: EngineContext, pod: PodRecord, members: readonly ContainerRecord[]): Promise<void> {
  const { id, name, sandboxId, state } = pod;
  await giveBack(context, id);
  context.state.transaction(() => {
    context.state.pods.delete(id);
    if (state === 'running') {
      tellNetwork(context, pod, 'disconnect');
      tellPod(context, pod, 'stop');
    }
    tellPod(context, pod, 'remove');
  });
  context.background.run(`clean up after pod ${name}`, async () => {
    // The sandbox takes its containers along, and would meet those that are just being removed.
    await Promise.all(members.map(({ criId }) => (criId === '' ? undefined : removeContainerOf(context, criId))));
    if (sandboxId !== '') await removeSandbox(context, sandboxId);
    await rm(join(context.paths.containers, id), { recursive: true, force: true });
  });
}
