/** pause and unpause: the cgroup's freezer, by way of the shim (v1 and v2 alike). What the kernel says counts, the row follows. */
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import { Status } from '../../../api/gen/types/task/task.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { endedWithin } from './ended-within.ts';
import { pauseHealth, resumeHealth } from './health/health.ts';
import { notRunning, recordNow } from './identity.ts';

/** A cgroup that does not freeze by then has a process that is stuck in the kernel. */
const FREEZE_PATIENCE_MS = 10_000;
const REAP_PATIENCE_MS = 1000;

/** Freezes all processes of a container. Errors are docker's. */
export function pauseContainer(context: EngineContext, id: string): Promise<void> {
  return context.locks.run(key(id), async () => {
    const { record, live } = running(context, id);
    if (record.state === 'paused') throw refusal(`container ${id} is already paused`);
    await asked(`cannot pause container ${id}: `, () =>
      context.containerd.tasks.pause({ containerId: live.criId }, { timeoutMs: FREEZE_PATIENCE_MS }),
    );
    // It ended on the way.
    if (context.live.get(id) !== live) throw notRunning(record);
    note(context, id, 'paused', 'pause');
  });
}

/** Lets a paused container go on. */
export function unpauseContainer(context: EngineContext, id: string): Promise<void> {
  return context.locks.run(key(id), async () => {
    const record = recordNow(context.state.containers, id);
    const live = context.live.get(id);
    // A pause that was given up may have come about later: the row does not know of it.
    if (live === undefined || (record.state !== 'paused' && !(await isFrozen(context, live))))
      throw refusal(`Container ${id} is not paused`);
    await asked(`Cannot unpause container ${id}: `, async () => {
      try {
        await resume(context, live);
      } catch (error) {
        // So may an earlier unpause.
        if (await isFrozen(context, live)) throw error;
      }
    });
    if (context.live.get(id) !== live) throw notRunning(record);
    note(context, id, 'running', 'unpause');
  });
}

/** Before a signal that is to end a container can do so, a paused one must go on. One that is not paused, or gone, is fine. */
export async function thaw(context: EngineContext, live: LiveContainer): Promise<void> {
  await context.locks.run(key(live.id), async () => {
    if (context.live.get(live.id) !== live || context.state.containers.byId(live.id)?.state !== 'paused') return;
    try {
      await resume(context, live);
    } catch (error) {
      // SIGKILL thaws by itself where the runtime is runc, and cgroup v2 ends frozen processes: then there is nothing to resume.
      // A shim says frozen until it has reaped the process.
      if ((await isFrozen(context, live)) && !(await endedWithin(live, REAP_PATIENCE_MS))) throw error;
      return;
    }
    if (context.live.get(live.id) === live) note(context, live.id, 'running', 'unpause');
  });
}

/**
 * Makes the rows of what runs say what the kernel does, after a containerd that died in the middle of a pause: whoever asked was
 * told of an error and not of how far it came.
 */
export async function syncPaused(context: EngineContext, signal: AbortSignal): Promise<void> {
  const { tasks } = await context.containerd.tasks.list({}, { signal });
  const frozen = frozenOf(tasks);
  for (const live of [...context.live.values()]) {
    const says = () => context.state.containers.byId(live.id)?.state === 'paused';
    if (says() === frozen.has(live.criId)) continue;
    await context.locks.run(key(live.id), async () => {
      // Asked again under the lock: the list may be older than a pause that went well.
      const is = await isFrozen(context, live);
      if (context.live.get(live.id) !== live || says() === is) return;
      if (is) note(context, live.id, 'paused', 'pause');
      else note(context, live.id, 'running', 'unpause');
    });
  }
}

/** CRI ids of the containers that are frozen. */
export function frozenOf(tasks: readonly { readonly id: string; readonly status: Status }[]): ReadonlySet<string> {
  return new Set(
    tasks.filter(({ status }) => status === Status.PAUSED || status === Status.PAUSING).map(({ id }) => id),
  );
}

/** A lock of its own: a stop that waits for the process holds the container's. */
function key(id: string): string {
  return `pause ${id}`;
}

function running(
  context: EngineContext,
  id: string,
): { readonly record: ContainerRecord; readonly live: LiveContainer } {
  const record = recordNow(context.state.containers, id);
  const live = context.live.get(id);
  if (live !== undefined) return { record, live };
  if (record.state === 'restarting')
    throw refusal(`Container ${id} is restarting, wait until the container is running`);
  throw notRunning(record);
}

async function resume(context: EngineContext, live: LiveContainer): Promise<void> {
  await context.containerd.tasks.resume({ containerId: live.criId }, { timeoutMs: FREEZE_PATIENCE_MS });
}

async function isFrozen(context: EngineContext, live: LiveContainer): Promise<boolean> {
  try {
    const { process } = await context.containerd.tasks.get({ containerId: live.criId });
    return process?.status === Status.PAUSED || process?.status === Status.PAUSING;
  } catch (error) {
    if (toK3cError(error).code === Code.NOT_FOUND) return false;
    throw error;
  }
}

function note(context: EngineContext, id: string, state: 'paused' | 'running', action: string): void {
  const record = recordNow(context.state.containers, id);
  context.state.transaction(() => {
    context.state.containers.update(id, { state });
    context.emit(record, action);
  });
  if (state === 'paused') pauseHealth(context, id);
  else resumeHealth(context, id);
}

async function asked(tried: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (thrown) {
    const error = toK3cError(thrown);
    throw new K3cError(error.code, `${tried}${error.message}`, { cause: error });
  }
}

function refusal(message: string): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, message);
}
