/** New limits and another restart policy for a container. */
import { availableParallelism } from 'node:os';
import { Code, hasCode, K3cError, toK3cError } from '../../../api/errors.ts';
import type { ResourceSpec } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { findContainer, recordNow } from './identity.ts';
import { checkResources } from './limits/check-resources.ts';
import { readKernelLimits } from './limits/kernel-limits.ts';
import { type LimitChanges, mergeLimits } from './limits/merge-limits.ts';
import { ociResources } from './limits/oci-resources.ts';
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
  const { resources, warnings } = checkResources(changes.resources, kernel, availableParallelism(), true);
  const { id } = findContainer(context.state.containers, reference);
  await context.locks.run(id, async () => {
    const record = recordNow(context.state.containers, id);
    try {
      const spec = mergeLimits(record.spec, { ...changes, resources });
      const live = context.live.get(id);
      if (live !== undefined) await limitProcess(context, live.criId, spec.resources, resources, kernel.swap);
      context.state.transaction(() => {
        context.state.containers.update(id, { spec });
        context.emit(record, 'update');
      });
    } catch (thrown) {
      const { code, message, reason, hint } = toK3cError(thrown);
      throw new K3cError(code, `Cannot update container ${id}: ${message}`, { reason, hint, cause: thrown });
    }
  });
  return warnings;
}

/** The whole set goes to runc, which forgets some of what is left out. One that has ended meanwhile needs nothing. */
async function limitProcess(
  context: EngineContext,
  criId: string,
  resources: ResourceSpec,
  asked: ResourceSpec,
  accountsSwap: boolean,
): Promise<void> {
  const limits = ociResources(resources);
  // A start leaves swap without a limit by saying nothing; here an earlier one may have to go.
  if (asked.memorySwapBytes === -1 && accountsSwap) limits.memory = { ...limits.memory, swap: -1 };
  try {
    await context.containerd.tasks.update({
      containerId: criId,
      resources: { typeUrl: RESOURCES_TYPE, value: Buffer.from(JSON.stringify(limits)) },
    });
    const stored = await readOciSpec(context.containerd, criId);
    const { memory: _memory, cpu: _cpu, pids: _pids, blockIO: _blockIO, ...others } = stored.oci.linux.resources ?? {};
    stored.oci.linux.resources = { ...others, ...limits };
    await writeOciSpec(context.containerd, criId, stored);
  } catch (error) {
    if (!hasCode(error, Code.NOT_FOUND)) throw error;
  }
}
