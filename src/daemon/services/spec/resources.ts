/** The limits of a container. */
import type { Resources } from '../../../api/gen/k3c.ts';
import type { ResourceSpec } from '../../engine/containers/types.ts';

/** An absent message is one that asks for nothing. */
export function toResources(message: Resources | undefined): ResourceSpec {
  return {
    memoryBytes: Number(message?.memoryBytes ?? 0n),
    nanoCpus: Number(message?.nanoCpus ?? 0n),
    memorySwapBytes: Number(message?.memorySwapBytes ?? 0n),
    memoryReservationBytes: Number(message?.memoryReservationBytes ?? 0n),
    cpuShares: Number(message?.cpuShares ?? 0n),
    cpuPeriod: Number(message?.cpuPeriod ?? 0n),
    cpuQuota: Number(message?.cpuQuota ?? 0n),
    cpusetCpus: message?.cpusetCpus ?? '',
    cpusetMems: message?.cpusetMems ?? '',
    pidsLimit: message?.pidsLimit === undefined ? null : Number(message.pidsLimit),
    blkioWeight: message?.blkioWeight ?? 0,
    oomKillDisable: message?.oomKillDisable ?? null,
    shmSizeBytes: Number(message?.shmSizeBytes ?? 0n),
    ulimits: (message?.ulimits ?? []).map(({ name, soft, hard }) => ({ name, soft: Number(soft), hard: Number(hard) })),
    oomScoreAdj: message?.oomScoreAdj ?? 0,
  };
}
