/** start, stop and restart of one container, each under its lock. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { AttachWants } from '../streams/types.ts';
import type { EngineContext } from './context.ts';
import { endedWithin } from './ended-within.ts';
import { recordNow } from './identity.ts';
import { killAndWait, sendSignal } from './kill.ts';
import { type Launched, launch } from './launch.ts';
import { cancelRestart, endRestarts } from './restarts.ts';
import { DEFAULT_STOP_TIMEOUT_S, parseSignal } from './signals.ts';

export interface StopOptions {
  /** Seconds before SIGKILL; -1: never; absent: the container's own, else 10. */
  readonly timeout?: number | undefined;
  /** Empty: the container's own. */
  readonly signal?: string | undefined;
}

/** Starts a container that is not running. Undefined when it runs already, which is fine, as in docker; a paused one is refused. */
export function startContainer(
  context: EngineContext,
  id: string,
  attach?: AttachWants,
): Promise<Launched | undefined> {
  return context.locks.run(id, async () => {
    if (context.live.has(id)) {
      if (recordNow(context.state.containers, id).state === 'paused')
        throw new K3cError(Code.FAILED_PRECONDITION, 'cannot start a paused container, try unpause instead');
      return undefined;
    }
    return await launchByHand(context, id, attach);
  });
}

/** Stops a container: its signal, then SIGKILL. One that does not run is fine, as in docker. */
export function stopContainer(context: EngineContext, id: string, options: StopOptions): Promise<void> {
  return context.locks.run(id, () => stopLocked(context, id, options));
}

/** Stops and starts a container; one that does not run is started. */
export function restartContainer(context: EngineContext, id: string, options: StopOptions): Promise<void> {
  return context.locks.run(id, () => restartLocked(context, id, options));
}

/** Does a restart that the last daemon began and did not finish; none is fine. */
export function finishRestart(context: EngineContext, id: string): Promise<void> {
  return context.locks.run(id, async () => {
    const asked = context.state.containers.byId(id)?.restartAsked ?? null;
    if (asked !== null) await restartLocked(context, id, asked);
  });
}

/** The row says that it is under way: whenever the daemon is killed, the next one finishes it. */
async function restartLocked(context: EngineContext, id: string, options: StopOptions): Promise<void> {
  const { containers } = context.state;
  containers.update(id, { restartAsked: options });
  try {
    await stopLocked(context, id, options);
    await launchByHand(context, id);
  } catch (error) {
    if (!context.closing.aborted) containers.update(id, { restartAsked: null });
    throw error;
  }
  context.emit(recordNow(containers, id), 'restart');
}

/** A start by hand ends what a policy was about, and its counts begin anew. */
function launchByHand(context: EngineContext, id: string, attach?: AttachWants): Promise<Launched> {
  cancelRestart(context, id);
  const anew = { manualStop: false, restartCount: 0, restartDelayMs: 0 };
  context.state.containers.update(id, anew);
  return launch(context, recordNow(context.state.containers, id), { attach });
}

async function stopLocked(context: EngineContext, id: string, options: StopOptions): Promise<void> {
  const { containers } = context.state;
  const record = recordNow(containers, id);
  const signal = parseSignal(options.signal || record.config.stopSignal);
  const live = context.live.get(id);
  if (live === undefined) {
    if (record.state !== 'restarting') return;
    endRestarts(context, id);
  } else {
    containers.update(id, { manualStop: true });
    await sendSignal(context, live, signal, true);
    const timeout = options.timeout ?? record.spec.stopTimeout ?? DEFAULT_STOP_TIMEOUT_S;
    if (!(await endedWithin(live, timeout < 0 ? undefined : timeout * 1000))) await killAndWait(context, live);
  }
  context.emit(containers.byId(id) ?? record, 'stop');
}
