/** The start of a daemon beside containers that went on without one. */
import { readdir } from 'node:fs/promises';
import { ContainerState as CriState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { Status } from '../../../api/gen/types/task/task.ts';
import { publishedPods, takeUpPods } from '../pods/take-up.ts';
import { adoptVolumes } from '../volumes/adopt.ts';
import { finishRemovals } from '../volumes/removal.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { LABEL_ID } from './cri-config.ts';
import { endStalePauses } from './files/commit.ts';
import { removeStrayStages } from './files/stage.ts';
import { finishRestart } from './lifecycle.ts';
import { publishedAddress } from './network-side.ts';
import { frozenOf } from './pause.ts';
import { type CriContainer, planContainer } from './reconcile-plan.ts';
import { removeStrayDirectories, removeStrayFifos } from './stray-files.ts';
import { removeStrayInterfaces } from './stray-interfaces.ts';
import { clearAll, toSandbox } from './strays.ts';
import { takeUp } from './take-up.ts';
import { removeViews } from './view-rootfs.ts';
import { holdLive } from './volumes.ts';

/** Containers that are taken up at once. */
const AT_ONCE = 16;

const ALIVE: ReadonlySet<Status> = new Set([Status.RUNNING, Status.PAUSED, Status.PAUSING]);

/**
 * Brings records and CRI together. When it returns, what runs is being watched again, exits are recorded, published
 * ports lead to what runs, and restarts are due; what strayed is being removed in the background.
 */
export async function reconcile(context: EngineContext, signal: AbortSignal): Promise<void> {
  const { containerd, state } = context;
  // Listed before the first restart is due: what is there now, and is not taken up, is nobody's.
  const fifos = await readdir(context.paths.fifos);
  await removeViews(context).catch((err: unknown) => {
    // It costs a mount, and is no reason to be without containers.
    context.log.warn({ err }, 'cannot take away mounts of snapshots that were looked into');
  });
  const [{ items }, { containers: listed }, { tasks }] = await Promise.all([
    containerd.cri.listPodSandbox({}, { signal }),
    containerd.cri.listContainers({}, { signal }),
    containerd.tasks.list({}, { signal }),
  ]);
  const frozen = frozenOf(tasks);
  const alive = new Set(tasks.filter(({ status }) => ALIVE.has(status)).map(({ id }) => id));
  const sandboxes = items.flatMap(toSandbox);
  const ours = new Set(sandboxes.map(({ id }) => id));
  const containers = listed.flatMap((container): CriContainer[] => {
    const { id, podSandboxId: sandboxId, labels, metadata } = container;
    const owner = labels[LABEL_ID];
    if (owner === undefined || !ours.has(sandboxId)) return [];
    // A containerd that starts beside a frozen process calls it unknown, thawed or not; it is there all the same.
    const unseen = container.state === CriState.CONTAINER_UNKNOWN && alive.has(id);
    const criState = unseen ? CriState.CONTAINER_RUNNING : container.state;
    return [{ id, sandboxId, owner, attempt: metadata?.attempt ?? 0, state: criState }];
  });

  const processes = new Map(tasks.flatMap(({ id, pid }) => (alive.has(id) ? [[id, pid] as const] : [])));
  removeStrayInterfaces(context, processes);
  await takeUpPods(context, new Set(sandboxes.filter(({ ready }) => ready).map(({ id }) => id)));
  const byOwner = Map.groupBy(containers, ({ owner }) => owner);
  const records = state.containers.list().filter(({ id }) => !context.live.has(id));
  for (let i = 0; i < records.length; i += AT_ONCE) {
    const taken = records.slice(i, i + AT_ONCE).map((record) => {
      const plan = planContainer(record, byOwner.get(record.id) ?? []);
      return takeUp(context, record, plan, frozen, signal);
    });
    // All have settled before the first error is told: whoever hears of it may close the database.
    for (const outcome of await Promise.allSettled(taken)) if (outcome.status === 'rejected') throw outcome.reason;
  }
  await holdLive(context);
  context.network.named.sweep();
  await context.network.reconcile(publishedNow(context));

  clearAll(context, sandboxes, containers);
  await context.network.releaseStaleLeases(new Set(items.map(({ id }) => id)));
  await endStalePauses(context);
  context.background.run('remove what was copied into removed containers', () => removeStrayStages(context));
  await removeStrayDirectories(context);
  const adopted = await adoptVolumes(context);
  if (adopted.length > 0) context.log.warn({ volumes: adopted }, 'took up volumes that the state did not know');
  context.background.run('delete the files of removed volumes', () => finishRemovals(context));
  await removeStrayFifos(context, fifos);
  // Nobody can have asked for anything else yet.
  for (const { id, name, restartAsked } of state.containers.list())
    if (restartAsked !== null)
      context.background.run(`finish the restart of ${name}`, () => finishRestart(context, id));
}

/** What runs with published ports, for the network. */
function publishedNow(context: EngineContext) {
  const containers = [...context.live.values()].flatMap((live: LiveContainer) => {
    const record = context.state.containers.byId(live.id);
    if (record === undefined || live.ports.length === 0) return [];
    const ownerName = `container ${record.name}`;
    return [{ owner: live.id, ownerName, ...publishedAddress(context, record), ports: live.ports }];
  });
  return [...containers, ...publishedPods(context)];
}
