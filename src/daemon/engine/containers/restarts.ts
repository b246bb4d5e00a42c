/** Restarts by policy, after a delay that grows while the container does not stay up. */
import type { EngineContext } from './context.ts';
import { launch } from './launch.ts';
import { nextDelay, wantsRestart } from './restart-policy.ts';

/**
 * Starts a container again after the delay of its policy.
 * @param previousDelay before the attempt that ended
 * @param lastedMs how long that attempt ran
 */
export function scheduleRestart(context: EngineContext, id: string, previousDelay: number, lastedMs: number): void {
  if (context.closing.aborted) return;
  const delay = nextDelay(previousDelay, lastedMs);
  const timer = setTimeout(() => {
    context.restarts.delete(id);
    context.background.run(`restart ${id}`, () => restartNow(context, id, delay));
  }, delay);
  context.restarts.set(id, timer);
}

/** Takes a waiting restart back. False when there was none. */
export function cancelRestart(context: EngineContext, id: string): boolean {
  const timer = context.restarts.get(id);
  clearTimeout(timer);
  context.restarts.delete(id);
  return timer !== undefined;
}

function restartNow(context: EngineContext, id: string, delayMs: number): Promise<void> {
  return context.locks.run(id, async () => {
    const record = context.state.containers.byId(id);
    // A stop, a start or a removal came first.
    if (context.closing.aborted || record?.state !== 'restarting') return;
    context.state.containers.update(id, { restartCount: record.restartCount + 1 });
    try {
      await launch(context, { ...record, restartCount: record.restartCount + 1 }, { delayMs });
    } catch (error) {
      const after = context.state.containers.byId(id);
      context.log.warn({ err: error, container: id }, 'a restart failed');
      if (after === undefined) return;
      const { exitCode, manualStop, restartCount } = after;
      if (!wantsRestart({ policy: after.spec.restart, exitCode, manualStop, restartCount })) return;
      context.state.containers.update(id, { state: 'restarting' });
      context.scheduleRestart(id, delayMs, 0);
    }
  });
}
