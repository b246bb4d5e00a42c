/** One container at the start of a daemon: what runs is taken up, what ended is recorded, what was cut off is taken back. */
import { Code, hasCode } from '../../../api/errors.ts';
import { ContainerState as CriState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { renewNames } from '../pods/names.ts';
import type { EngineContext } from './context.ts';
import { discard } from './discard.ts';
import { EXIT_LOST, settle, watchExit } from './exits.ts';
import { ioOptions } from './launch.ts';
import { joinDefault, joinNamed } from './membership.ts';
import { isOnDefault } from './network-mode.ts';
import { type Plan, planContainer } from './reconcile-plan.ts';
import { renewFiles } from './renew-files.ts';
import { tellHeld } from './resource-events.ts';
import { watchOwnSandbox } from './watch-sandbox.ts';

/**
 * Carries out what was planned for one container. It must not keep the daemon, and with it all others, from coming back: what
 * cannot be taken up counts as lost.
 */
export async function takeUp(
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
      return await recordMissedExit(context, record, plan, frozen);
    case 'lost':
      recordLoss(context, record);
      return;
    case 'rollback':
      rollBack(context, record);
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

function rollBack(context: EngineContext, { id, spec, startedAt, restartAsked }: ContainerRecord): void {
  const again = startedAt !== 0n && restartAsked === null && spec.restart.name !== 'no';
  context.state.containers.update(id, {
    state: startedAt === 0n ? 'created' : again ? 'restarting' : 'exited',
    sandboxId: '',
    criId: '',
    ports: [],
    ip: '',
    error: 'the daemon was stopped during the start',
  });
  renewNames(context, spec.pod);
  if (again) context.scheduleRestart(id, 0);
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
      // The new attempt runs.
      if (record.restartAsked !== null) context.emit(record, 'restart');
      context.state.containers.update(record.id, { restartAsked: null });
    }
  });
  await renewFiles(context, { ...record, ip });
  if (isOnDefault(record)) joinDefault(context, record, ip);
  context.network.named.adopt(record.id, record.endpoints);
  for (const endpoint of record.endpoints) joinNamed(context, record, endpoint);
  const { id, attempt, ports } = record;
  const live = watchExit(context, { id, attempt, sandboxId, criId, io, ports, startedAt });
  // One that was lost while no daemon ran is found out now.
  if (record.spec.pod === '') watchOwnSandbox(context, live);
}

async function recordMissedExit(
  context: EngineContext,
  record: ContainerRecord,
  ids: Ids,
  frozen: ReadonlySet<string>,
): Promise<void> {
  const { status } = await context.containerd.cri.containerStatus({ containerId: ids.criId });
  // The daemon was killed while CRI was at work on the start, which ended with it: no process was there.
  if (record.state === 'starting' && status?.startedAt === 0n)
    return await carryOut(context, record, planContainer(record, []), frozen);
  // Of a restart by hand only the stop is behind us, unless the new attempt was what ended.
  const restartAsked = record.state === 'starting' ? null : record.restartAsked;
  context.state.containers.update(record.id, { ...ids, restartAsked });
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
    { ...record, ...ids, restartAsked },
    {
      ...ended,
      oomKilled: ended.reason === 'OOMKilled',
      startedAt: status?.startedAt || record.startedAt,
      atDaemonStart: true,
    },
  );
}
