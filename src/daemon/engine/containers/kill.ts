/** Signals to a container's process 1, and the wait for its end. */
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { endedWithin } from './ended-within.ts';
import { notRunning, recordNow } from './identity.ts';
import { thaw } from './pause.ts';
import { endRestarts } from './restarts.ts';
import { parseSignal, SIGKILL, SIGTERM } from './signals.ts';

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
  const stopSignal = parseSignal(record.config.stopSignal);
  const ends = signal === SIGKILL || signal === stopSignal;
  // Any other signal may be one that the container lives on with: its policy stays in force.
  if (ends) context.state.containers.update(id, { manualStop: true });
  if (signal === SIGKILL) await killAndWait(context, live);
  // docker lets a paused container go on at any signal, unless it has a stop signal of its own and this is another.
  else await sendSignal(context, live, signal, ends || stopSignal === SIGTERM);
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
 * @param thaws whether a frozen process goes on, for it gets the signal only then
 */
export async function sendSignal(
  context: EngineContext,
  live: LiveContainer,
  signal: number,
  thaws: boolean,
): Promise<void> {
  if (signal === SIGKILL) context.killed.add(live.criId);
  const told = deliver(context, live, signal);
  live.signals.add(told);
  try {
    await told;
  } finally {
    live.signals.delete(told);
  }
  if (thaws) await thaw(context, live);
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
