/**
 * Build steps that nobody waits for: of a buildkitd that was killed, which run on in containerd and which the next buildkitd does not
 * know; and of a containerd that was killed, for BuildKit gives them up, and cannot remove what it cannot reach.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../api/errors.ts';
import type { Containerd } from './containerd.ts';
import { milliseconds } from './timestamp.ts';

const SIGKILL = 9;
const POLL_MS = 10;
/** How long a container without a task is given to get one. */
const UNMADE_MS = 1000;

/**
 * Ends and removes the containers of build steps. Other containers of the namespace, of CRI and of clients of containerd itself, stay.
 *
 * @param before milliseconds since the epoch: younger ones stay. Absent: all go, which is right only while no buildkitd runs
 * @returns how many there were
 */
export async function removeLostBuildSteps(
  containerd: Pick<Containerd, 'containers' | 'tasks'>,
  { before = Number.POSITIVE_INFINITY, signal }: { readonly before?: number; readonly signal?: AbortSignal } = {},
): Promise<number> {
  const { containers } = await containerd.containers.list({ filters: [] }, { signal });
  const steps = containers.filter(
    ({ id, spec, createdAt }) => spec !== undefined && isBuildStep(id, spec.value) && milliseconds(createdAt) < before,
  );
  for (const { id } of steps) {
    await endTask(containerd.tasks, id, signal);
    await containerd.containers.delete({ id }, { signal }).catch(ignoreMissing);
  }
  return steps.length;
}

/** BuildKit makes up ids of 25 letters and digits, and puts steps into PARENT/buildkit/ID (executor/oci/spec.go). */
function isBuildStep(id: string, spec: Uint8Array): boolean {
  if (!/^[a-z0-9]{25}$/.test(id)) return false;
  const { linux } = JSON.parse(Buffer.from(spec).toString()) as { linux?: { cgroupsPath?: string } };
  return linux?.cgroupsPath?.endsWith(`/buildkit/${id}`) ?? false;
}

async function endTask(tasks: Containerd['tasks'], containerId: string, signal?: AbortSignal): Promise<void> {
  // containerd may still be at work on the task that the dead buildkitd asked for.
  for (const deadline = Date.now() + UNMADE_MS; ; await sleep(POLL_MS, undefined, { signal })) {
    try {
      await tasks.kill({ containerId, signal: SIGKILL, all: true }, { signal });
      break;
    } catch (error) {
      if (!hasCode(error, Code.NOT_FOUND)) throw error;
      if (Date.now() > deadline) return;
    }
  }
  await tasks.wait({ containerId }, { signal }).catch(ignoreMissing);
  await tasks.delete({ containerId }, { signal }).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if (!hasCode(error, Code.NOT_FOUND)) throw error;
}
