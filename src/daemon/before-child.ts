/** What must happen while a child does not run: what the last one left is read, put right, and cleared away. */
import type { Log } from '../host/log.ts';
import type { Containerd } from './backends/containerd.ts';
import type { ExitNotes } from './backends/exit-notes.ts';
import { removeLostBuildSteps } from './backends/lost-build-steps.ts';
import { removeLostBundles } from './backends/lost-bundles.ts';
import { type CgroupPlaces, removeLostCgroups } from './backends/lost-cgroups.ts';
import { removeLostNamespaces } from './backends/lost-namespaces.ts';
import { endLostShims } from './backends/lost-shims.ts';
import { repairFifos } from './engine/streams/repair.ts';
import type { Paths } from './paths.ts';

/** Builds wait no longer than this for the clearing up after earlier ones. */
const LOST_STEPS_MS = 10_000;

/**
 * Before every start of containerd, the first and those after a death.
 * @param groups undefined: they are systemd's
 */
export async function beforeContainerd(
  paths: Paths,
  groups: Pick<CgroupPlaces, 'parent' | 'version'> | undefined,
  exitNotes: ExitNotes,
  log: Log,
): Promise<void> {
  await repairFifos(paths.containerdState);
  await exitNotes.collect();
  try {
    const shims = await endLostShims(paths);
    const namespaces = await removeLostNamespaces(paths.containerdState);
    const { containerdState } = paths;
    const cgroups = groups === undefined ? 0 : removeLostCgroups({ ...groups, containerdState });
    const bundles = await removeLostBundles(paths);
    if (shims + namespaces + cgroups + bundles > 0)
      log.info({ shims, namespaces, cgroups, bundles }, 'cleared away what cut off starts had left');
  } catch (err) {
    // It costs memory, and is no reason to be without containers.
    log.warn({ err }, 'cannot clear away what cut off starts have left');
  }
}

/** Before every start of buildkitd. */
export async function beforeBuildkitd(containerd: Containerd, log: Log): Promise<void> {
  try {
    const steps = await removeLostBuildSteps(containerd, { signal: AbortSignal.timeout(LOST_STEPS_MS) });
    if (steps > 0) log.info({ steps }, 'ended build steps that a killed buildkitd had left');
  } catch (err) {
    // Tried again before the next start.
    log.warn({ err }, 'cannot end the build steps that a killed buildkitd has left');
  }
}
