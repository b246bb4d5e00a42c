/** What must happen while no containerd runs: what the last one left is read, put right, and cleared away. */
import type { Log } from '../host/log.ts';
import type { ExitNotes } from './backends/exit-notes.ts';
import { removeLostNamespaces } from './backends/lost-namespaces.ts';
import { endLostShims } from './backends/lost-shims.ts';
import { repairFifos } from './engine/streams/repair.ts';
import type { Paths } from './paths.ts';

/** Before every start of containerd, the first and those after a death. */
export async function beforeContainerd(paths: Paths, exitNotes: ExitNotes, log: Log): Promise<void> {
  await repairFifos(paths.containerdState);
  await exitNotes.collect();
  try {
    const shims = await endLostShims(paths);
    const namespaces = await removeLostNamespaces(paths.containerdState);
    if (shims + namespaces > 0) log.info({ shims, namespaces }, 'cleared away what cut off starts had left');
  } catch (err) {
    // It costs memory, and is no reason to be without containers.
    log.warn({ err }, 'cannot clear away what cut off starts have left');
  }
}
