/** Signals to a container's process 1, and the wait for its end. */
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { endedWithin } from './ended-within.ts';
import { notRunning, recordNow } from './identity.ts';
import { thaw } from './pause.ts';
import { endRestarts } from './restarts.ts';
import { parseSignal, SIGKILL } from './signals.ts';

/** A process that SIGKILL did not end by then is stuck in the kernel. */
const KILL_PATIENCE_MS = 10_000;

/** Sends a signal, SIGKILL unless told; SIGKILL is waited for, as docker does. */
export async function killContainer(context: EngineContext, id: string, text: string): Promise<void> {
  const signal = text === '' ? SIGKILL : parseSignal(text);
  await startsOf(context, id);
  const record = recordNow(context.state.containers, id);
  const live = context.live.get(id);
  if (live === undefined) {
    if (record.state === 'restarting') {
      endRestarts(context, id);
      return;
    }
    throw notRunning(record, `cannot kill container: ${record.name}: `);
  }
  const ends = signal === SIGKILL || signal === parseSignal(record.config.stopSignal);
  // Any other signal may be one that the container lives on with: its policy stays in force, and a paused one stays paused.
  if (ends) context.state.containers.update(id, { manualStop: true });
  if (signal === SIGKILL) await killAndWait(context, live);
  else await sendSignal(context, live, signal, ends);
}

/** A start under way has a process soon: whoever means that one waits. A stop under way is not waited for. */
export async function startsOf(context: EngineContext, id: string): Promise<void> {
  if (context.state.containers.byId(id)?.state === 'starting') await context.locks.run(id, () => Promise.resolve());
}

/** SIGKILL, and the end. DEADLINE_EXCEEDED when there is none. */
export async function killAndWait(context: EngineContext, live: LiveContainer): Promise<void> {
  await sendSignal(context, live, SIGKILL, true);
  if (await endedWithin(live, KILL_PATIENCE_MS)) return;
  const name = context.state.containers.byId(live.id)?.name ?? live.id;
  throw new K3cError(
    Code.DEADLINE_EXCEEDED,
    `cannot kill container: ${name}: tried to kill container, but did not receive an exit event`,
    { hint: 'its process is stuck in the kernel, often on a file system that does not answer' },
  );
}

/**
 * Sends a signal and tells of it. The exit that it causes is recorded after that: docker's order is kill, die, stop.
 * @param ends whether it is meant to end the container; a frozen process would get it only when it is thawed
 */
export async function sendSignal(
  context: EngineContext,
  live: LiveContainer,
  signal: number,
  ends: boolean,
): Promise<void> {
  if (signal === SIGKILL) context.killed.add(live.criId);
  const told = deliver(context, live, signal);
  live.signals.add(told);
  try {
    await told;
  } finally {
    live.signals.delete(told);
  }
  if (ends) await thaw(context, live);
}

async function deliver(context: EngineContext, live: LiveContainer, signal: number): Promise<void> {
  try {
    await context.containerd.tasks.kill({ containerId: live.criId, signal }, { timeoutMs: KILL_PATIENCE_MS });
  } catch (error) {
    // A process that is gone already needs no signal: its exit is on the way.
    if (hasCode(error, Code.NOT_FOUND)) return;
    if (signal === SIGKILL) context.killed.delete(live.criId);
    throw error;
  }
  const record = context.state.containers.byId(live.id);
  if (record !== undefined) context.emit(record, 'kill', { signal: String(signal) });
}
