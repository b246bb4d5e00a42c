/**
 * Build steps that nobody waits for: of a buildkitd that was killed, which run on in containerd and which the next buildkitd does not
 * know; of a containerd that was killed, for BuildKit gives them up, and cannot remove what it cannot reach; and those that BuildKit
 * has forgotten, see `forgotten-build-steps.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../api/errors.ts';
import { Status } from '../../api/gen/types/task/task.ts';
import type { Containerd } from './containerd.ts';
import { milliseconds } from './timestamp.ts';

const SIGKILL = 9;
const POLL_MS = 10;
/** How long a container without a task is given to get one. */
const UNMADE_MS = 1000;

/** BuildKit makes up ids of 25 letters and digits (identity/randomid.go); as containerd's filters have a pattern, too. */
export const STEP_ID = '^[a-z0-9]{25}$';
const stepId = new RegExp(STEP_ID);

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

/**
 * Removes build steps of which no process was started, or whose process has ended. What runs stays.
 *
 * @param before milliseconds since the epoch: younger ones stay; of those that are older nobody may be about to start one
 * @returns the ids of those that were removed, and of those that are left
 */
export async function removeUnstartedBuildSteps(
  containerd: Pick<Containerd, 'containers' | 'tasks'>,
  before: number,
  signal?: AbortSignal,
): Promise<{ readonly removed: readonly string[]; readonly left: readonly string[] }> {
  const { containers } = await containerd.containers.list({ filters: [`id~="${STEP_ID}"`] }, { signal });
  const removed: string[] = [];
  const left: string[] = [];
  for (const { id, spec, createdAt } of containers) {
    if (spec === undefined || !isBuildStep(id, spec.value)) continue;
    const status = await statusOf(containerd.tasks, id, signal);
    const isStarted = status !== undefined && status !== Status.CREATED && status !== Status.STOPPED;
    if (isStarted || milliseconds(createdAt) >= before) {
      left.push(id);
      continue;
    }
    if (status !== undefined) await endTask(containerd.tasks, id, signal);
    await containerd.containers.delete({ id }, { signal }).catch(ignoreMissing);
    removed.push(id);
  }
  return { removed, left };
}

/** Undefined for a container without a task. */
async function statusOf(tasks: Containerd['tasks'], id: string, signal?: AbortSignal): Promise<Status | undefined> {
  try {
    return (await tasks.get({ containerId: id }, { signal })).process?.status;
  } catch (error) {
    ignoreMissing(error);
    return undefined;
  }
}

/** BuildKit puts steps into PARENT/buildkit/ID (executor/oci/spec.go), ours with systemd into the scope SLICE:buildkit:ID. */
function isBuildStep(id: string, spec: Uint8Array): boolean {
  if (!stepId.test(id)) return false;
  const { linux } = JSON.parse(Buffer.from(spec).toString()) as { linux?: { cgroupsPath?: string } };
  return [`/buildkit/${id}`, `:buildkit:${id}`].some((end) => linux?.cgroupsPath?.endsWith(end));
}

async function endTask(tasks: Containerd['tasks'], containerId: string, signal?: AbortSignal): Promise<void> {
  // containerd may still be at work on the task that the dead buildkitd asked for.
  for (const deadline = Date.now() + UNMADE_MS; ; await sleep(POLL_MS, undefined, { signal })) {
    try {
      await tasks.kill({ containerId, signal: SIGKILL, all: true }, { signal });
      break;
    } catch (error) {
      if (!hasCode(error, Code.NOT_FOUND)) throw error;
      // A process that has ended is not found either, and its task is there.
      if ((await statusOf(tasks, containerId, signal)) === Status.STOPPED) break;
      if (Date.now() > deadline) return;
    }
  }
  await tasks.wait({ containerId }, { signal }).catch(ignoreMissing);
  await tasks.delete({ containerId }, { signal }).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if (!hasCode(error, Code.NOT_FOUND)) throw error;
}
