/** New limits and another restart policy for a container. */
import { Code, hasCode, K3cError, toK3cError } from '../../../api/errors.ts';
import type { ResourceSpec } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { findContainer, recordNow } from './identity.ts';
import { checkResources } from './limits/check-resources.ts';
import { processors, readKernelLimits } from './limits/kernel-limits.ts';
import { type LimitChanges, mergeLimits } from './limits/merge-limits.ts';
import { ociResources, withLimits } from './limits/oci-resources.ts';
import type { OciResources } from './oci-spec.ts';
import { readOciSpec, writeOciSpec } from './oci-spec-store.ts';

/** The type under which runc's shim takes limits as JSON (containerd, client.go: the registered types). */
const RESOURCES_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources';

/**
 * Changes them. What runs has its limits when this returns, and every later start has them; a restart policy counts from the next
 * exit. Returns docker's warnings. INVALID_ARGUMENT for values that cannot be right, ABORTED for such as do not go with what is
 * set; a container whose group does not take the limits keeps those it had.
 */
export async function updateContainer(
  context: EngineContext,
  reference: string,
  changes: LimitChanges,
): Promise<readonly string[]> {
  const kernel = readKernelLimits();
  const { resources, warnings } = checkResources(changes.resources, kernel, processors(changes.resources), true);
  const { id } = findContainer(context.state.containers, reference);
  await context.locks.run(id, async () => {
    const record = recordNow(context.state.containers, id);
    try {
      const spec = mergeLimits(record.spec, { ...changes, resources });
      const live = context.live.get(id);
      const unlimitedSwap = resources.memorySwapBytes === -1 && kernel.swap;
      if (live !== undefined)
        await limitProcess(context, live.criId, record.spec.resources, spec.resources, unlimitedSwap);
      context.state.transaction(() => {
        context.state.containers.update(id, { spec });
        context.emit(record, 'update');
      });
    } catch (thrown) {
      throw cannotUpdate(id, thrown);
    }
  });
  return warnings;
}

/** One that has ended meanwhile needs nothing. @param unlimitedSwap an earlier limit of swap goes */
async function limitProcess(
  context: EngineContext,
  criId: string,
  before: ResourceSpec,
  after: ResourceSpec,
  unlimitedSwap: boolean,
): Promise<void> {
  const limits = ociResources(after);
  // A start leaves swap without a limit by saying nothing.
  if (unlimitedSwap) limits.memory = { ...limits.memory, swap: -1 };
  try {
    await setLimits(context, criId, limits);
    const stored = await readOciSpec(context.containerd, criId);
    stored.oci.linux.resources = withLimits(stored.oci.linux.resources, limits);
    await writeOciSpec(context.containerd, criId, stored);
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return;
    // runc may have set some of them.
    await setLimits(context, criId, ociResources({ ...before, pidsLimit: before.pidsLimit ?? 0 })).catch(
      (err: unknown) => {
        context.log.warn({ err, criId }, 'cannot give a container back the limits that it had');
      },
    );
    throw error;
  }
}

/** The whole set goes to runc, which forgets some of what is left out. */
async function setLimits(context: EngineContext, criId: string, limits: OciResources): Promise<void> {
  const value = Buffer.from(JSON.stringify(limits));
  const resources = { typeUrl: RESOURCES_TYPE, value };
  await context.containerd.tasks.update({ containerId: criId, resources }, { signal: context.abandon });
}

/** runc's words without the path of its binary. */
function cannotUpdate(id: string, thrown: unknown): K3cError {
  const { code, message, reason, hint } = toK3cError(thrown);
  const words = message.replace(/^\S*\/(runc did not terminate)/, '$1').trim();
  return new K3cError(code, `Cannot update container ${id}: ${words}`, { reason, hint, cause: thrown });
}
