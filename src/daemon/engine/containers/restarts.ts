/** Restarts by policy, after a delay that grows while the container does not stay up. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext } from './context.ts';
import { recordNow } from './identity.ts';
import { launch } from './launch.ts';
import { nextDelay, wantsRestart } from './restart-policy.ts';

/** Starts a container whose row says `restarting` again. The row has the delay and the count, so that a new daemon goes on from there. */
export function scheduleRestart(context: EngineContext, id: string, delayMs: number): void {
  if (context.closing.aborted) return;
  const timer = setTimeout(() => {
    context.restarts.delete(id);
    context.background.run(`restart ${id}`, () => restartNow(context, id));
  }, delayMs);
  context.restarts.set(id, timer);
}

/** Takes a waiting restart back. False when there was none. */
export function cancelRestart(context: EngineContext, id: string): boolean {
  const timer = context.restarts.get(id);
  clearTimeout(timer);
  context.restarts.delete(id);
  return timer !== undefined;
}

/**
 * The user's end of a container that waits for its restart. A restart whose delay is over and that waits for the lock looks at
 * the state first, so this ends it too.
 */
export function endRestarts(context: EngineContext, id: string): void {
  cancelRestart(context, id);
  context.state.containers.update(id, { state: 'exited', manualStop: true });
  const { exitCode, oomKilled, error } = recordNow(context.state.containers, id);
  // Whoever waits for its next exit would wait for ever: this was the last.
  context.exits.post(id, 'exit', { exitCode, oomKilled, error });
}

function restartNow(context: EngineContext, id: string): Promise<void> {
  return context.locks.run(id, async () => {
    const record = context.state.containers.byId(id);
    // A stop, a start or a removal came first.
    if (context.closing.aborted || record?.state !== 'restarting') return;
    try {
      await launch(context, record, {});
    } catch (err) {
      context.log.warn({ err, container: id }, 'a restart failed');
      const after = context.state.containers.byId(id);
      if (after !== undefined) tryAgain(context, after);
    }
  });
}

/** docker gives up here. What stops a start is often gone a moment later: a port, a mount, a containerd that comes back. */
function tryAgain(
  context: EngineContext,
  { id, spec, exitCode, manualStop, restartCount, restartDelayMs }: ContainerRecord,
) {
  if (!wantsRestart({ policy: spec.restart, exitCode, manualStop, restartCount })) return;
  const delayMs = nextDelay(restartDelayMs, 0);
  context.state.containers.update(id, {
    state: 'restarting',
    restartCount: restartCount + 1,
    restartDelayMs: delayMs,
  });
  context.scheduleRestart(id, delayMs);
}
