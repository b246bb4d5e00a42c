import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { ContainerState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import type { Containerd } from '../../backends/containerd.ts';
import type { ProcessExit } from './types.ts';

const OOM_KILLED = 'OOMKilled';
/** A process that was killed for memory dies of SIGKILL. */
const SIGKILL_CODE = 137;
const RECONNECT_MS = 50;
const POLL_MS = 10;
const MAX_POLL_MS = 200;

/**
 * How a started container's process ends. Tasks.Wait knows 0.6 ms after the exit, CRI 20 ms, so CRI is asked only where
 * Wait cannot answer (CRI has deleted the task already, or the shim was on its way out), and after a SIGKILL that is not
 * ours, for whether it was for lack of memory. A containerd that restarts is waited for.
 *
 * @param killed whether we have sent this process a SIGKILL; asked at the moment of its end, so that one that had died for
 *   lack of memory before our signal is still told so
 * @throws K3cError CANCELLED when the signal is aborted; NOT_FOUND when the container was removed meanwhile, or nobody knows
 */
export async function waitForExit(
  containerd: Pick<Containerd, 'tasks' | 'cri'>,
  criId: string,
  signal: AbortSignal,
  killed: () => boolean = () => false,
): Promise<ProcessExit> {
  const exit = await waitForTask(containerd.tasks, criId, signal);
  if (exit === undefined) return pollCri(containerd.cri, criId, signal);
  if (exit.exitCode !== SIGKILL_CODE || killed()) return { ...exit, oomKilled: false, reason: '' };
  try {
    const { oomKilled, reason } = await pollCri(containerd.cri, criId, signal);
    return { ...exit, oomKilled, reason };
  } catch (error) {
    // Removed at once after it was killed: what is known stays true.
    if (hasCode(error, Code.NOT_FOUND)) return { ...exit, oomKilled: false, reason: '' };
    throw error;
  }
}

/** undefined when only CRI can know. */
async function waitForTask(
  tasks: Containerd['tasks'],
  criId: string,
  signal: AbortSignal,
): Promise<{ exitCode: number; exitedAt: bigint } | undefined> {
  for (;;) {
    try {
      const { exitStatus, exitedAt } = await tasks.wait({ containerId: criId }, { signal });
      if (exitedAt === undefined) return undefined;
      return { exitCode: exitStatus, exitedAt: exitedAt.seconds * 1_000_000_000n + BigInt(exitedAt.nanos) };
    } catch (error) {
      if (signal.aborted) throw canceled();
      if (!hasCode(error, Code.UNAVAILABLE)) return undefined;
      await pause(RECONNECT_MS, signal);
    }
  }
}

async function pollCri(cri: Containerd['cri'], criId: string, signal: AbortSignal): Promise<ProcessExit> {
  for (let waitMs = POLL_MS; ; waitMs = Math.min(waitMs * 1.5, MAX_POLL_MS)) {
    try {
      const { status } = await cri.containerStatus({ containerId: criId }, { signal });
      if (status?.state === ContainerState.CONTAINER_EXITED) {
        const { exitCode, finishedAt, reason } = status;
        return { exitCode, exitedAt: finishedAt, reason, oomKilled: reason === OOM_KILLED };
      }
      // What was frozen when containerd was started it does not watch, and will never call exited.
      if (status?.state === ContainerState.CONTAINER_UNKNOWN)
        throw new K3cError(Code.NOT_FOUND, `CRI does not know how container ${criId} ended`);
    } catch (error) {
      if (signal.aborted) throw canceled();
      if (!hasCode(error, Code.UNAVAILABLE)) throw error;
    }
    await pause(waitMs, signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    throw signal.aborted ? canceled() : error;
  }
}

function canceled(): K3cError {
  return new K3cError(Code.CANCELLED, 'canceled');
}
