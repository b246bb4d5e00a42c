/** What can be put right only when containerd is there again: leases and snapshots that the last one left. */
import type { Log } from '../host/log.ts';
import type { Containerd } from './backends/containerd.ts';
import { collectGarbage } from './backends/leases.ts';
import { removeLostBuildSteps } from './backends/lost-build-steps.ts';
import { endLostLeases } from './backends/lost-leases.ts';
import { mendSnapshots } from './backends/mend-snapshots.ts';

export interface AfterContainerdOptions {
  readonly snapshotter: string;
  /** When this containerd was started, milliseconds since the epoch. */
  readonly since: number;
  /** The one before has died, and buildkitd lived on. */
  readonly isReturn: boolean;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * After every start of containerd, before anything else is asked of it where that can be. A failure is logged: it costs room on disk, and
 * is no reason to be without containers. What takes its time goes on afterwards: build steps, and a collection of a store that may be large.
 */
export async function afterContainerd(containerd: Containerd, options: AfterContainerdOptions): Promise<void> {
  const { snapshotter, since, signal, log } = options;
  const complain = (err: unknown) => log.warn({ err }, 'cannot clear away what the last containerd has left');
  try {
    const leases = await endLostLeases(containerd, since, signal);
    if (leases > 0) log.info({ leases }, 'ended leases of starts that were cut off');
    await mendSnapshots(containerd, snapshotter, signal);
  } catch (err) {
    if (signal.aborted) throw err;
    complain(err);
    return;
  }
  clearSlowly(containerd, options).catch((err: unknown) => {
    if (!signal.aborted) complain(err);
  });
}

/** Before buildkitd's own start its steps are cleared away anyway. */
async function clearSlowly(containerd: Containerd, { isReturn, since, signal }: AfterContainerdOptions): Promise<void> {
  if (isReturn) await removeLostBuildSteps(containerd, { before: since, signal });
  await collectGarbage(containerd.leases);
}
