/** start, stop, restart, kill and rm of one container, each under the container's lock where it changes state. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { AttachWants } from '../streams/types.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { discard } from './discard.ts';
import { noSuchContainer } from './identity.ts';
import { type Launched, launch } from './launch.ts';
import { cancelRestart } from './restarts.ts';
import { parseSignal, SIGKILL } from './signals.ts';

/** docker's default between the stop signal and SIGKILL. */
const DEFAULT_STOP_TIMEOUT_S = 10;
/** A process that SIGKILL did not end by then is stuck in the kernel. */
const KILL_PATIENCE_MS = 10_000;

export interface StopOptions {
  /** Seconds before SIGKILL; -1: never; absent: the container's own, else 10. */
  readonly timeout?: number | undefined;
  /** Empty: the container's own. */
  readonly signal?: string | undefined;
}

/** Starts a container that is not running. Undefined when it runs already, which is fine, as in docker. */
export function startContainer(
  context: EngineContext,
  id: string,
  attach?: AttachWants,
): Promise<Launched | undefined> {
  return context.locks.run(id, async () => {
    const record = fresh(context, id);
    if (context.live.has(id)) return undefined;
    cancelRestart(context, id);
    context.state.containers.update(id, { manualStop: false, restartCount: 0 });
    return await launch(context, { ...record, manualStop: false, restartCount: 0 }, { attach, delayMs: 0 });
  });
}

/** Stops a container: its signal, then SIGKILL. One that does not run is fine, as in docker. */
export function stopContainer(context: EngineContext, id: string, options: StopOptions): Promise<void> {
  return context.locks.run(id, () => stopLocked(context, id, options));
}

/** Stops and starts a container; one that does not run is started. */
export function restartContainer(context: EngineContext, id: string, options: StopOptions): Promise<void> {
  return context.locks.run(id, async () => {
    context.kept.add(id);
    try {
      await stopLocked(context, id, options);
      const record = fresh(context, id);
      context.state.containers.update(id, { manualStop: false, restartCount: 0 });
      await launch(context, { ...record, manualStop: false, restartCount: 0 }, { delayMs: 0 });
      context.emit(record, 'restart');
    } finally {
      context.kept.delete(id);
    }
  });
}

async function stopLocked(context: EngineContext, id: string, options: StopOptions): Promise<void> {
  const record = fresh(context, id);
  const signal = parseSignal(options.signal || record.config.stopSignal);
  const live = context.live.get(id);
  if (live === undefined) {
    if (record.state === 'restarting') endRestarts(context, id);
    return;
  }
  context.state.containers.update(id, { manualStop: true });
  await sendSignal(context, live, signal);
  context.emit(record, 'kill', { signal: String(signal) });
  const timeout = options.timeout ?? record.spec.stopTimeout ?? DEFAULT_STOP_TIMEOUT_S;
  if (!(await endedWithin(live, timeout < 0 ? undefined : timeout * 1000))) {
    await killAndWait(context, record, live);
  }
  context.emit(record, 'stop');
}

/** Sends a signal, SIGKILL unless told; SIGKILL is waited for, as docker does. */
export async function killContainer(context: EngineContext, id: string, text: string): Promise<void> {
  const signal = text === '' ? SIGKILL : parseSignal(text);
  const record = fresh(context, id);
  const live = context.live.get(id);
  if (live === undefined) {
    if (record.state === 'restarting') {
      endRestarts(context, id);
      return;
    }
    throw notRunning(record, `cannot kill container: ${record.name}: `);
  }
  // Any other signal may be one that the container lives on with: its policy stays in force.
  if (signal === SIGKILL || signal === parseSignal(record.config.stopSignal))
    context.state.containers.update(id, { manualStop: true });
  if (signal === SIGKILL) await killAndWait(context, record, live);
  else await sendSignal(context, live, signal);
  context.emit(record, 'kill', { signal: String(signal) });
}

export interface RemoveOptions {
  readonly force: boolean;
  /** Its anonymous volumes too. */
  readonly volumes: boolean;
}

/** Removes a container. What it holds in CRI and on disk goes in the background; its name is free at once. */
export async function removeContainer(context: EngineContext, id: string, options: RemoveOptions): Promise<void> {
  if (options.force) await killForRemoval(context, id);
  await context.locks.run(id, async () => {
    const record = fresh(context, id);
    const busy = context.live.has(id) ? 'running' : record.state === 'restarting' ? 'restarting' : undefined;
    if (busy !== undefined && !options.force) {
      throw new K3cError(
        Code.FAILED_PRECONDITION,
        `cannot remove container "/${record.name}": container is ${busy}: stop the container before removing or force remove`,
        { reason: 'container-running' },
      );
    }
    // It was started between the kill and the lock.
    if (busy === 'running') await killForRemoval(context, id);
    cancelRestart(context, id);
    // A --rm container is gone with its exit.
    const last = context.state.containers.byId(id);
    if (last === undefined) return;
    context.state.transaction(() => discard(context, last, { volumes: options.volumes }));
    const exit = { exitCode: last.exitCode, oomKilled: last.oomKilled, error: last.error };
    context.exits.post(id, 'exit', exit);
    context.exits.post(id, 'removed', exit);
  });
}

async function killForRemoval(context: EngineContext, id: string): Promise<void> {
  const record = fresh(context, id);
  const live = context.live.get(id);
  if (live === undefined) return;
  context.state.containers.update(id, { manualStop: true });
  await killAndWait(context, record, live);
}

async function killAndWait(context: EngineContext, record: ContainerRecord, live: LiveContainer): Promise<void> {
  await sendSignal(context, live, SIGKILL);
  if (await endedWithin(live, KILL_PATIENCE_MS)) return;
  throw new K3cError(
    Code.DEADLINE_EXCEEDED,
    `cannot kill container: ${record.name}: tried to kill container, but did not receive an exit event`,
    { hint: 'its process is stuck in the kernel, often on a file system that does not answer' },
  );
}

/** A restart whose delay is over and that waits for the lock looks at the state first, so this ends it too. */
function endRestarts(context: EngineContext, id: string): void {
  cancelRestart(context, id);
  context.state.containers.update(id, { state: 'exited', manualStop: true });
  const { exitCode, oomKilled, error } = fresh(context, id);
  // Whoever waits for its next exit would wait for ever: this was the last.
  context.exits.post(id, 'exit', { exitCode, oomKilled, error });
}

/** A process that is gone already needs no signal: its exit is on the way. */
async function sendSignal(context: EngineContext, live: LiveContainer, signal: number): Promise<void> {
  if (signal === SIGKILL) context.killed.add(live.criId);
  try {
    await context.containerd.tasks.kill({ containerId: live.criId, signal });
  } catch (error) {
    if (!hasCode(error, Code.NOT_FOUND)) throw error;
  }
}

/** @param milliseconds undefined: for ever */
async function endedWithin(live: LiveContainer, milliseconds: number | undefined): Promise<boolean> {
  const exit = live.exit.then(() => true);
  if (milliseconds === undefined) return await exit;
  const late = new AbortController();
  try {
    return await Promise.race([exit, sleep(milliseconds, false, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}

/** The row as it is now: a caller that waited for the lock knows an older one. */
function fresh(context: EngineContext, id: string): ContainerRecord {
  const record = context.state.containers.byId(id);
  if (record === undefined) throw noSuchContainer(id);
  return record;
}

/** docker's sentence, with what was tried in front. */
export function notRunning(record: ContainerRecord, prefix = ''): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, `${prefix}container ${record.id} is not running`, {
    reason: 'container-not-running',
  });
}
