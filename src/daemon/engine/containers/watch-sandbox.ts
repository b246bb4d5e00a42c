/**
 * Sandboxes whose process ends behind our back. CRI calls them not ready then, and what runs in them ends, as with a kubelet:
 * restart policies make another.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../api/errors.ts';
import { PodSandboxState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { stopSandbox } from './sandboxes.ts';

/** CRI learns of the end of a process a moment after those who wait for it. */
const LOOK_AGAIN_MS = 500;

/** Whether CRI has a sandbox that can be used. */
export async function isSandboxReady(
  { containerd, abandon }: Pick<EngineContext, 'containerd' | 'abandon'>,
  podSandboxId: string,
): Promise<boolean> {
  try {
    const { status } = await containerd.cri.podSandboxStatus({ podSandboxId }, { signal: abandon });
    return status?.state === PodSandboxState.SANDBOX_READY;
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return false;
    throw error;
  }
}

/**
 * Follows the process of a sandbox, until nobody counts on that any more or the daemon stops.
 * @param whose for the log
 * @param settle called when it has ended, or nothing is known of it; false: CRI has not heard of that yet, look again
 */
export function watchSandbox(
  context: Pick<EngineContext, 'containerd' | 'closing' | 'log'>,
  sandboxId: string,
  whose: Readonly<Record<string, string>>,
  settle: () => Promise<boolean>,
): void {
  const watch = async () => {
    while (!((await hasEnded(context, sandboxId)) && (await answered(settle))))
      await sleep(LOOK_AGAIN_MS, undefined, { signal: context.closing });
  };
  watch().catch((err: unknown) => {
    // A stopping daemon gives up its watches.
    if (!context.closing.aborted) context.log.error({ err, ...whose }, 'lost track of a sandbox');
  });
}

/** Waits for the end of the process. False when containerd went away meanwhile. */
async function hasEnded(
  { containerd, closing }: Pick<EngineContext, 'containerd' | 'closing'>,
  sandboxId: string,
): Promise<boolean> {
  try {
    await containerd.tasks.wait({ containerId: sandboxId }, { signal: closing });
    return true;
  } catch (error) {
    if (closing.aborted) throw error;
    // Otherwise only CRI can know.
    return !hasCode(error, Code.UNAVAILABLE);
  }
}

async function answered(settle: () => Promise<boolean>): Promise<boolean> {
  try {
    return await settle();
  } catch (error) {
    if (hasCode(error, Code.UNAVAILABLE, Code.UNKNOWN)) return false;
    throw error;
  }
}

/** Follows the sandbox of a container that has its own; that it goes after the container's end is no loss. */
export function watchOwnSandbox(context: EngineContext, { id, sandboxId }: LiveContainer): void {
  const isOver = () => context.live.get(id)?.sandboxId !== sandboxId;
  watchSandbox(context, sandboxId, { container: id }, async () => {
    if (isOver()) return true;
    if (await isSandboxReady(context, sandboxId)) return false;
    if (isOver()) return true;
    context.log.warn({ container: id }, 'the sandbox of a container has ended by itself: the container ends, too');
    // Without the container's lock, which a stop that waits for its process holds.
    await stopSandbox(context, sandboxId);
    return true;
  });
}
