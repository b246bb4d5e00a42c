/** rm of one container. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { EngineContext } from './context.ts';
import { discard } from './discard.ts';
import { recordNow } from './identity.ts';
import { killAndWait } from './kill.ts';
import { cancelRestart } from './restarts.ts';

export interface RemoveOptions {
  readonly force: boolean;
  /** Its anonymous volumes too. */
  readonly volumes: boolean;
}

/** Removes a container. What it holds in CRI and on disk goes in the background; its name is free at once. */
export async function removeContainer(context: EngineContext, id: string, options: RemoveOptions): Promise<void> {
  // Before the lock: a stop that waits for its process would hold it.
  if (options.force) await killForRemoval(context, id);
  await context.locks.run(id, async () => {
    const { containers } = context.state;
    if (!options.force) refuseWhenUp(context, id);
    // It was started between the kill and the lock.
    else await killForRemoval(context, id);
    cancelRestart(context, id);
    const last = containers.byId(id);
    // A --rm container is gone with its exit.
    if (last === undefined) return;
    const cleanUp = context.state.transaction(() => discard(context, last, { volumes: options.volumes }));
    cleanUp();
    const exit = { exitCode: last.exitCode, oomKilled: last.oomKilled, error: last.error };
    context.exits.post(id, 'exit', exit);
    context.exits.post(id, 'removed', exit);
  });
}

function refuseWhenUp(context: EngineContext, id: string): void {
  const { name, state } = recordNow(context.state.containers, id);
  const why =
    state === 'paused'
      ? 'container is paused and must be unpaused first'
      : context.live.has(id) || state === 'restarting'
        ? `container is ${state === 'restarting' ? state : 'running'}: stop the container before removing or force remove`
        : undefined;
  if (why === undefined) return;
  throw new K3cError(Code.FAILED_PRECONDITION, `cannot remove container "/${name}": ${why}`, {
    reason: 'container-running',
  });
}

async function killForRemoval(context: EngineContext, id: string): Promise<void> {
  const live = context.live.get(id);
  if (live === undefined) return;
  context.state.containers.update(id, { manualStop: true });
  await killAndWait(context, live);
}
