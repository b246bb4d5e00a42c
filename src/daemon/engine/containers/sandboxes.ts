/** Taking down what CRI holds for a container. Failures are retried: a sandbox that stays costs an address and a process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../api/errors.ts';
import type { CallOptions } from '../../../api/rpc/types.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext } from './context.ts';

const FIRST_DELAY_MS = 20;
const MAX_DELAY_MS = 2000;
/** After so long it is left to the reconciliation at the next start of the daemon. */
const GIVE_UP_MS = 120_000;

/** Of one call: CRI's stop of a sandbox with a stuck process takes some 30 s. */
const CALL_DEADLINE_MS = 60_000;

type Context = Pick<EngineContext, 'containerd' | 'closing' | 'abandon' | 'locks' | 'tearDownSlots'>;

/** An attempt of a container as its row has it. */
export type Attempt = Pick<ContainerRecord, 'spec' | 'sandboxId' | 'criId'>;

/** An attempt's process has ended: what it leaves running goes, what can be looked at stays. In a pod of several that is nothing. */
export async function endAttempt(context: Context, { spec, sandboxId }: Attempt): Promise<void> {
  if (sandboxId !== '' && spec.pod === '') await stopSandbox(context, sandboxId);
}

/**
 * Takes away all that CRI holds of an attempt: its own sandbox, or the container in its pod's, and that sandbox too where it was
 * the last in an earlier one. What is gone is fine. No row may name the attempt any more.
 */
export async function removeAttempt(
  context: Context & Pick<EngineContext, 'state'>,
  { spec, sandboxId, criId }: Attempt,
): Promise<void> {
  if (spec.pod === '') {
    if (sandboxId !== '') await removeSandbox(context, sandboxId);
    return;
  }
  if (criId !== '') await removeContainerOf(context, criId);
  if (sandboxId !== '') await removeUnused(context, sandboxId);
}

/** Removes a sandbox of a pod that neither is in use nor has containers of ours that can be looked at. */
export async function removeUnused(context: Context & Pick<EngineContext, 'state'>, sandboxId: string): Promise<void> {
  const { containers, pods } = context.state;
  const pod = pods.byId(pods.bySandbox(sandboxId) ?? '');
  if (pod?.state === 'running' || containers.bySandbox(sandboxId) !== undefined) return;
  await removeSandbox(context, sandboxId);
}

/** Ends what runs in a sandbox and gives its network back; the exited container stays. A sandbox that is gone is fine. */
export function stopSandbox(context: Context, sandboxId: string): Promise<void> {
  return retry(context, `sandbox ${sandboxId}`, async () => {
    await context.containerd.cri.stopPodSandbox({ podSandboxId: sandboxId }, calling(context));
  });
}

/** Stops and removes a sandbox with its containers and their file systems. A sandbox that is gone is fine. */
export function removeSandbox(context: Context, sandboxId: string): Promise<void> {
  return retry(context, `sandbox ${sandboxId}`, async () => {
    await context.containerd.cri.stopPodSandbox({ podSandboxId: sandboxId }, calling(context));
    await context.containerd.cri.removePodSandbox({ podSandboxId: sandboxId }, calling(context));
  });
}

/** Ends one container of a sandbox and removes it with its file system; the others go on. One that is gone is fine. */
export function removeContainerOf(context: Context, criId: string): Promise<void> {
  return retry(context, `cri ${criId}`, async () => {
    await context.containerd.cri.removeContainer({ containerId: criId }, calling(context));
  });
}

function calling(context: Context): CallOptions {
  return { signal: context.abandon, timeoutMs: CALL_DEADLINE_MS };
}

/** One at a time for a sandbox: of two stops at once CRI fails one, for the network plugin finds the interface gone. */
async function retry(context: Context, what: string, act: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + GIVE_UP_MS;
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, MAX_DELAY_MS)) {
    try {
      return await context.locks.run(what, () => context.tearDownSlots.run(act));
    } catch (error) {
      if (hasCode(error, Code.NOT_FOUND)) return;
      if (context.closing.aborted || Date.now() > deadline) throw error;
    }
    await sleep(delay, undefined, { signal: context.closing, ref: false });
  }
}
