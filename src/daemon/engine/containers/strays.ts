/** What CRI has of ours and no record names, or is not to run any more. */
import { type PodSandbox, PodSandboxState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { clearAwayPodSandbox } from '../pods/take-up.ts';
import type { EngineContext } from './context.ts';
import { LABEL_ID, LABEL_POD } from './cri-config.ts';
import type { CriContainer } from './reconcile-plan.ts';
import { removeContainerOf, removeSandbox, stopSandbox } from './sandboxes.ts';
import { removeStrayDirectories } from './stray-files.ts';

export interface CriSandbox {
  readonly id: string;
  /** k3c's id of its container, or of the pod that users made. */
  readonly owner: string;
  readonly ofPod: boolean;
  readonly ready: boolean;
}

/** None where it is not ours. */
export function toSandbox({ id, labels, state }: PodSandbox): CriSandbox[] {
  const owner = labels[LABEL_ID];
  if (owner === undefined) return [];
  return [{ id, owner, ofPod: LABEL_POD in labels, ready: state === PodSandboxState.SANDBOX_READY }];
}

/** Starts the removal of what strayed, in the background. */
export function clearAll(
  context: EngineContext,
  sandboxes: readonly CriSandbox[],
  containers: readonly Pick<CriContainer, 'id' | 'owner' | 'sandboxId'>[],
): void {
  const ofPods = new Set<string>();
  for (const sandbox of sandboxes) {
    if (sandbox.ofPod) {
      ofPods.add(sandbox.id);
      clearAwayPodSandbox(context, sandbox.owner, sandbox.id);
    } else clearAway(context, sandbox);
  }
  // In a sandbox of their own they go with that.
  for (const container of containers) if (ofPods.has(container.sandboxId)) clearAwayContainer(context, container);
}

/** Removes the sandboxes and directories that no record names, and addresses of what was never finished, while the engine is at work. */
export async function removeStrays(context: EngineContext, since: number, signal: AbortSignal): Promise<void> {
  const { cri } = context.containerd;
  const [{ items }, { containers }] = await Promise.all([
    cri.listPodSandbox({}, { signal }),
    cri.listContainers({}, { signal }),
  ]);
  const ours = containers.flatMap(({ id, podSandboxId: sandboxId, labels }) => {
    const owner = labels[LABEL_ID];
    return owner === undefined ? [] : [{ id, sandboxId, owner }];
  });
  clearAll(context, items.flatMap(toSandbox), ours);
  await context.network.releaseStaleLeases(new Set(items.map(({ id }) => id)), since);
  await removeStrayDirectories(context);
}

/**
 * A sandbox is a stray when its container is gone or has another one: of a removed container, an earlier attempt, a cut
 * off start. Decided under the container's lock, so that a start under way is not taken for one.
 */
function clearAway(context: EngineContext, { id, owner, ready }: CriSandbox): void {
  if (context.state.containers.byId(owner)?.sandboxId === id) {
    // Its container has ended, and the daemon with it before the sandbox was stopped.
    if (ready && !context.live.has(owner))
      context.background.run(`stop sandbox ${id}`, () =>
        context.locks.run(owner, async () => {
          if (!context.live.has(owner)) await stopSandbox(context, id);
        }),
      );
    return;
  }
  context.background.run(`remove stray sandbox ${id}`, () =>
    context.locks.run(owner, async () => {
      if (context.state.containers.byId(owner)?.sandboxId !== id) await removeSandbox(context, id);
    }),
  );
}

/**
 * Removes what CRI keeps of a sandbox that it failed to make: where it cannot take back its network, it keeps sandbox and namespace
 * under an id that nobody was told (containerd, RunPodSandbox).
 */
export async function clearAfterFailure(context: EngineContext, owner: string): Promise<void> {
  const filter = { id: '', labelSelector: { [LABEL_ID]: owner } };
  const { items } = await context.containerd.cri.listPodSandbox({ filter }, { signal: context.abandon });
  for (const sandbox of items.flatMap(toSandbox))
    if (sandbox.owner === owner && !sandbox.ofPod) clearAway(context, sandbox);
}

/** The same for one container among others in its pod. */
function clearAwayContainer(context: EngineContext, { id, owner }: Pick<CriContainer, 'id' | 'owner'>): void {
  const isStray = () => context.state.containers.byId(owner)?.criId !== id;
  if (!isStray()) return;
  context.background.run(`remove stray container ${id}`, () =>
    context.locks.run(owner, async () => {
      if (isStray()) await removeContainerOf(context, id);
    }),
  );
}
