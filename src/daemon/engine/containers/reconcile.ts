/** The start of a daemon beside containers that went on without one. */
import { readdir } from 'node:fs/promises';
import { Code, hasCode } from '../../../api/errors.ts';
import { ContainerState as CriState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { Status } from '../../../api/gen/types/task/task.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { renewNames } from '../pods/names.ts';
import { publishedPods, takeUpPods } from '../pods/take-up.ts';
import { adoptVolumes } from '../volumes/adopt.ts';
import { finishRemovals } from '../volumes/removal.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { LABEL_ID } from './cri-config.ts';
import { discard } from './discard.ts';
import { EXIT_LOST, settle, watchExit } from './exits.ts';
import { endStalePauses } from './files/commit.ts';
import { removeStrayStages } from './files/stage.ts';
import { ioOptions } from './launch.ts';
import { joinDefault, joinNamed } from './membership.ts';
import { isOnDefault } from './network-mode.ts';
import { publishedAddress } from './network-side.ts';
import { frozenOf } from './pause.ts';
import { type CriContainer, type Plan, planContainer } from './reconcile-plan.ts';
import { tellHeld } from './resource-events.ts';
import { removeStrayDirectories, removeStrayFifos } from './stray-files.ts';
import { removeStrayInterfaces } from './stray-interfaces.ts';
import { clearAll, toSandbox } from './strays.ts';
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
}

/** One container must not keep the daemon, and with it all others, from coming back: what cannot be taken up counts as lost. */
async function takeUp(
  context: EngineContext,
  record: ContainerRecord,
  plan: Plan,
  frozen: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await carryOut(context, record, plan, frozen);
  } catch (err) {
    if (!('criId' in plan) || signal.aborted || hasCode(err, Code.UNAVAILABLE)) throw err;
    context.log.error({ err, container: record.id }, 'cannot take up a container');
    const { sandboxId, criId } = plan;
    context.state.containers.update(record.id, { sandboxId, criId });
    recordLoss(context, { ...record, sandboxId, criId });
  }
}

async function carryOut(
  context: EngineContext,
  record: ContainerRecord,
  plan: Plan,
  frozen: ReadonlySet<string>,
): Promise<void> {
  const { state } = context;
  switch (plan.kind) {
    case 'adopt':
      return await adopt(context, record, plan, frozen);
    case 'exited':
      return await recordMissedExit(context, record, plan);
    case 'lost':
      recordLoss(context, record);
      return;
    case 'rollback':
      state.containers.update(record.id, {
        state: record.startedAt === 0n ? 'created' : record.spec.restart.name === 'no' ? 'exited' : 'restarting',
        sandboxId: '',
        criId: '',
        ports: [],
        ip: '',
        error: 'the daemon was stopped during the start',
      });
      renewNames(context, record.spec.pod);
      if (record.startedAt !== 0n && record.spec.restart.name !== 'no') context.scheduleRestart(record.id, 0);
      return;
    case 'restart':
      // One that was waiting for its delay waits again; for the others the counts begin anew, as for docker's.
      if (record.state !== 'restarting')
        state.containers.update(record.id, {
          state: 'restarting',
          manualStop: false,
          restartCount: 0,
          restartDelayMs: 0,
        });
      context.scheduleRestart(record.id, record.state === 'restarting' ? record.restartDelayMs : 0);
      return;
    case 'remove':
      state.transaction(() => discard(context, record, { volumes: true }))();
      renewNames(context, record.spec.pod);
      return;
    case 'keep':
      return;
  }
}

function recordLoss(context: EngineContext, record: ContainerRecord): void {
  const ended = { exitCode: EXIT_LOST, exitedAt: context.now(), oomKilled: false, reason: '' };
  settle(context, record, { ...ended, startedAt: record.startedAt, atDaemonStart: true });
}

interface Ids {
  readonly sandboxId: string;
  readonly criId: string;
}

async function adopt(
  context: EngineContext,
  record: ContainerRecord,
  { sandboxId, criId }: Ids,
  frozen: ReadonlySet<string>,
): Promise<void> {
  const io = await context.streams.reopen(ioOptions(context, record, criId));
  const cutOff = record.state === 'starting';
  const startedAt = cutOff ? context.now() : record.startedAt;
  let { ip } = record;
  if (ip === '' && isOnDefault(record)) {
    const { status } = await context.containerd.cri.podSandboxStatus({ podSandboxId: sandboxId });
    ip = status?.network?.ip ?? '';
  }
  // The kernel knows whether it is paused; a daemon may have died between the act and the row.
  const state = frozen.has(criId) ? 'paused' : 'running';
  context.state.transaction(() => {
    context.state.containers.update(record.id, { state, sandboxId, criId, startedAt, ip });
    if (cutOff) {
      tellHeld(context, record);
      context.emit(record, 'start');
    }
  });
  if (isOnDefault(record)) joinDefault(context, record, ip);
  context.network.named.adopt(record.id, record.endpoints);
  for (const endpoint of record.endpoints) joinNamed(context, record, endpoint);
  const { id, attempt, ports } = record;
  watchExit(context, { id, attempt, sandboxId, criId, io, ports, startedAt });
}

async function recordMissedExit(context: EngineContext, record: ContainerRecord, ids: Ids): Promise<void> {
  context.state.containers.update(record.id, ids);
  const { status } = await context.containerd.cri.containerStatus({ containerId: ids.criId });
  // What was left in its FIFOs goes to the log, and they go.
  const io = await context.streams.reopen(ioOptions(context, record, ids.criId));
  await io.exited();
  const exited = status?.state === CriState.CONTAINER_EXITED;
  const ended = context.exitNotes.correct(ids.criId, {
    exitCode: exited ? status.exitCode : EXIT_LOST,
    exitedAt: exited && status.finishedAt > 0n ? status.finishedAt : context.now(),
    reason: status?.reason ?? '',
  });
  settle(
    context,
    { ...record, ...ids },
    {
      ...ended,
      oomKilled: ended.reason === 'OOMKilled',
      startedAt: status?.startedAt || record.startedAt,
      atDaemonStart: true,
    },
  );
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
