/** What happens when a process ends: drain, record, tell, clean up, and start it again where its policy says so. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { renewNames } from '../pods/names.ts';
import type { ProcessExit } from '../streams/types.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { discard } from './discard.ts';
import type { ContainerExit } from './exit-board.ts';
import { unwatchHealth, watchHealth } from './health/health.ts';
import { leaveNetworks, noteSharing } from './membership.ts';
import { tellReleased } from './resource-events.ts';
import { nextDelay, wantsRestart } from './restart-policy.ts';
import { endAttempt } from './sandboxes.ts';

/** docker's exit code for a container of which nothing is left to ask. */
export const EXIT_LOST = 255;
/** Between two questions after one that failed. */
const ASK_AGAIN_MS = 1000;

type Running = Omit<LiveContainer, 'exit'>;

/** Takes over a process that runs until its exit is recorded. */
export function watchExit(context: EngineContext, attempt: Omit<LiveContainer, 'exit' | 'signals'>): LiveContainer {
  const running: Running = { ...attempt, signals: new Set() };
  const exit = follow(context, running);
  exit.catch((error: unknown) => {
    // A stopping daemon gives up its watches; the next one takes the container up again.
    if (!context.closing.aborted) context.log.error({ err: error, container: running.id }, 'lost track of a container');
  });
  const live = { ...running, exit };
  context.live.set(running.id, live);
  noteSharing(context, running.id);
  watchHealth(context, live);
  return live;
}

async function follow(context: EngineContext, running: Running): Promise<ContainerExit> {
  const seen = await waitForEnd(context, running);
  // Whatever fails here: an exit that is not recorded leaves a container that can be neither stopped nor removed.
  const report = (err: unknown) => context.log.error({ err, container: running.id }, 'cannot clean up after an exit');
  try {
    unwatchHealth(context, running);
  } catch (err) {
    report(err);
  }
  const ended = context.exitNotes.correct(running.criId, seen);
  await running.io.exited().catch(report);
  leaveNetworks(context, running.id);
  // The ports are free when whoever waits hears of the exit.
  if (running.ports.length > 0) await context.network.release(running.id).catch(report);
  // docker tells of the signal before it tells of the end; one that fails was told to whoever sent it.
  await Promise.allSettled(running.signals);
  return recordExit(context, running, ended);
}

/** Asks until there is an answer. What CRI does not know any more was removed behind our back, by crictl or ctr. */
async function waitForEnd(context: EngineContext, { id, criId }: Running): Promise<ProcessExit> {
  for (;;) {
    try {
      return await context.streams.waitForExit(context.containerd, criId, context.closing, () =>
        context.killed.has(criId),
      );
    } catch (err) {
      if (context.closing.aborted) throw err;
      if (hasCode(err, Code.NOT_FOUND))
        return { exitCode: EXIT_LOST, exitedAt: context.now(), oomKilled: false, reason: '' };
      context.log.warn({ err, container: id }, 'cannot learn of the end of a container; asking again');
    }
    await sleep(ASK_AGAIN_MS, undefined, { signal: context.closing });
  }
}

function recordExit(context: EngineContext, running: Running, ended: ProcessExit): ContainerExit {
  const exit: ContainerExit = { exitCode: ended.exitCode, oomKilled: ended.oomKilled, error: '' };
  context.live.delete(running.id);
  context.sharers.remove(running.id);
  context.killed.delete(running.criId);
  const record = context.state.containers.byId(running.id);
  if (record === undefined || record.criId !== running.criId) return exit;
  settle(context, record, {
    ...ended,
    startedAt: earlier(ended.exitedAt, running.startedAt),
  });
  return exit;
}

/** A process may be so short that it ended before its start was noted. */
function earlier(exitedAt: bigint, startedAt: bigint): bigint {
  if (exitedAt !== 0n && exitedAt < startedAt) return exitedAt;
  return startedAt;
}

export interface Settled extends ProcessExit {
  readonly startedAt: bigint;
  /** Found at the start of the daemon, which restarts more than an exit does. */
  readonly atDaemonStart?: boolean;
}

/** Records an exit and does what follows from it: removal, restart, or nothing. The exit is on disk when it returns. */
export function settle(context: EngineContext, record: ContainerRecord, ended: Settled): void {
  const { exitCode, oomKilled, exitedAt, startedAt } = ended;
  const { id, spec, manualStop, restartCount, restartAsked } = record;
  // One that was lost was recalled or taken up at the start of the daemon.
  leaveNetworks(context, id);
  // Whoever restarts it by hand starts it, too.
  const isOver = restartAsked === null;
  const remove = isOver && spec.autoRemove;
  const again =
    isOver &&
    !remove &&
    wantsRestart({ policy: spec.restart, exitCode, manualStop, restartCount }, ended.atDaemonStart);
  const lasted = exitedAt > startedAt ? exitedAt - startedAt : 0n;
  const restartDelayMs = nextDelay(record.restartDelayMs, Number(lasted / 1_000_000n));
  const now = context.now();
  const cleanUp = context.state.transaction(() => {
    if (oomKilled) context.emit(record, 'oom');
    context.emit(record, 'die', { exitCode: String(exitCode), execDuration: String(lasted / 1_000_000_000n) });
    tellReleased(context, record);
    context.state.containers.update(id, {
      state: 'exited',
      ...(again ? { state: 'restarting', restartCount: restartCount + 1, restartDelayMs } : {}),
      pid: 0,
      startedAt,
      finishedAt: exitedAt === 0n ? now : exitedAt,
      exitCode,
      oomKilled,
      ports: [],
      ip: '',
    });
    return remove ? discard(context, record, { volumes: true }) : undefined;
  });
  renewNames(context, spec.pod);
  context.exits.post(id, 'exit', { exitCode, oomKilled, error: '' });
  if (cleanUp !== undefined) {
    context.exits.post(id, 'removed', { exitCode, oomKilled, error: '' });
    cleanUp();
  } else context.background.run(`stop the sandbox of ${record.name}`, () => endAttempt(context, record));
  context.background.run(`release the volumes of ${record.name}`, () => context.volumeMounts.release(id));
  if (again) context.scheduleRestart(id, restartDelayMs);
}
