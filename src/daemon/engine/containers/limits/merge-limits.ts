/** New limits over those that a container has (moby, container_unix.go: UpdateContainer). */
import { Code, K3cError } from '../../../../api/errors.ts';
import type { ContainerSpec, ResourceSpec, RestartPolicySpec } from '../../../state/spec.ts';

export interface LimitChanges {
  /** 0, empty and null: as it was. */
  readonly resources: ResourceSpec;
  /** Absent: as it was. */
  readonly restart?: RestartPolicySpec | undefined;
}

/** The specification with the changes in it. ABORTED, docker's conflict, where they do not go with what is there. */
export function mergeLimits(spec: ContainerSpec, { resources: asked, restart }: LimitChanges): ContainerSpec {
  const now = spec.resources;
  if (asked.nanoCpus > 0 && now.cpuPeriod > 0)
    conflict('Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set');
  if (asked.nanoCpus > 0 && now.cpuQuota > 0)
    conflict('Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set');
  if (asked.cpuPeriod > 0 && now.nanoCpus > 0)
    conflict('Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set');
  if (asked.cpuQuota > 0 && now.nanoCpus > 0)
    conflict('Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set');
  // docker refuses this where swap has no limit too; there nothing is in the way.
  if (asked.memoryBytes > now.memorySwapBytes && now.memorySwapBytes !== -1 && asked.memorySwapBytes === 0)
    conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  if (restart !== undefined && restart.name !== 'no' && spec.autoRemove)
    conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
  return {
    ...spec,
    restart: restart ?? spec.restart,
    resources: {
      ...now,
      blkioWeight: asked.blkioWeight || now.blkioWeight,
      cpuShares: asked.cpuShares || now.cpuShares,
      nanoCpus: asked.nanoCpus || now.nanoCpus,
      cpuPeriod: asked.cpuPeriod || now.cpuPeriod,
      cpuQuota: asked.cpuQuota || now.cpuQuota,
      cpusetCpus: asked.cpusetCpus || now.cpusetCpus,
      cpusetMems: asked.cpusetMems || now.cpusetMems,
      memoryBytes: asked.memoryBytes || now.memoryBytes,
      memorySwapBytes: asked.memorySwapBytes || now.memorySwapBytes,
      memoryReservationBytes: asked.memoryReservationBytes || now.memoryReservationBytes,
      pidsLimit: asked.pidsLimit === null ? now.pidsLimit : Math.max(asked.pidsLimit, 0),
    },
  };
}

function conflict(message: string): never {
  throw new K3cError(Code.ABORTED, message, { reason: 'bad-input' });
}
