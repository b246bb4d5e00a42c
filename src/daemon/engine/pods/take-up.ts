/** Pods at the start of a daemon: those whose sandbox is there are taken up, the others are stopped. */
import type { PodRecord } from '../../state/pods.ts';
import type { EngineContext } from '../containers/context.ts';
import { joinAgain } from '../containers/membership.ts';
import { publishedAddress } from '../containers/network-side.ts';
import { removeSandbox, removeUnused, stopSandbox } from '../containers/sandboxes.ts';
import { podLock } from './locks.ts';
import { podOwner } from './names.ts';
import { giveBack, needsNamespace, recordStopped, watchPodSandbox } from './sandbox.ts';

/** Before containers are taken up, whose restarts may want a new sandbox. @param ready ids of sandboxes */
export async function takeUpPods(context: EngineContext, ready: ReadonlySet<string>): Promise<void> {
  for (const pod of context.state.pods.list())
    await context.locks.run(podLock(pod.id), () => takeUp(context, pod, ready));
}

async function takeUp(context: EngineContext, pod: PodRecord, ready: ReadonlySet<string>): Promise<void> {
  const { id, startedAt } = pod;
  if (pod.state !== 'running') return;
  if (pod.sandboxId !== '' && ready.has(pod.sandboxId) && isAdopted(context, pod)) {
    watchPodSandbox(context, id, pod.sandboxId);
    return;
  }
  // Its restart policies bring it back: the first container that starts makes a new sandbox.
  await giveBack(context, id);
  if (pod.sandboxId !== '') recordStopped(context, pod);
  // Its start was cut off.
  else context.state.pods.update(id, { state: startedAt === 0n ? 'created' : 'stopped', ports: [], ip: '' });
}

/** One pod must not keep the daemon from coming back: what cannot be taken up counts as lost. */
function isAdopted(context: EngineContext, pod: PodRecord): boolean {
  const { named } = context.network;
  try {
    named.adopt(pod.id, pod.endpoints);
    if (needsNamespace(pod) && named.pathOf(pod.id) === undefined) return false;
    joinAgain(context, podOwner(context.state, pod));
    return true;
  } catch (err) {
    context.log.error({ err, pod: pod.id }, 'cannot take up a pod');
    return false;
  }
}

/** Makes pods known on their networks that ran when the last daemon ended. */
export function recallPods(context: Pick<EngineContext, 'network' | 'state'>): void {
  for (const pod of context.state.pods.list())
    if (pod.state === 'running') joinAgain(context, podOwner(context.state, pod));
}

/** Published ports of pods that run, for the network. */
export function publishedPods(context: Pick<EngineContext, 'network' | 'state'>) {
  return context.state.pods.list().flatMap((pod) => {
    const { id, name, state, sandboxId, ports } = pod;
    if (state !== 'running' || sandboxId === '' || ports.length === 0) return [];
    return [{ owner: id, ownerName: `pod ${name}`, ...publishedAddress(context, pod), ports }];
  });
}

/**
 * What is to become of a sandbox that a pod had: the newest of a pod that runs stays, one where ended containers can be looked at
 * is stopped, any other goes. Decided under the pod's lock, so that one that is being made is not taken for a stray.
 */
export function clearAwayPodSandbox(context: EngineContext, owner: string, id: string): void {
  context.background.run(`clear away sandbox ${id} of a pod`, () =>
    context.locks.run(podLock(owner), async () => {
      const pod = context.state.pods.byId(owner);
      if (pod?.sandboxId === id && pod.state === 'running') return;
      if (pod === undefined) return await removeSandbox(context, id);
      // Its containers may go on without it, when it was lost.
      await stopSandbox(context, id);
      await removeUnused(context, id);
    }),
  );
}
