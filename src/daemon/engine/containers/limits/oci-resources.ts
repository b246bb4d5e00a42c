/**
 * Limits as the OCI runtime specification has them (config-linux.md, resources), for a start and for an update of what runs.
 *
 * The same keys serve cgroup v1 and v2, for runc converts: memory.limit → memory.max, memory.reservation → memory.low,
 * memory.swap less memory.limit → memory.swap.max, cpu.shares (2 … 262144) → cpu.weight (1 … 10000), cpu.quota and cpu.period →
 * cpu.max, cpuset.* as they are, pids.limit → pids.max, blockIO.weight → io.bfq.weight, or converted to io.weight (opencontainers/cgroups,
 * fs2). memory.disableOOMKiller has no counterpart; checkResources drops it there.
 */
import type { ResourceSpec } from '../../../state/spec.ts';
import type { OciResources } from '../oci-spec.ts';

const CPU_PERIOD_US = 100_000;

/** What is asked for, and nothing else. */
export function ociResources(r: ResourceSpec): OciResources {
  const memory = {
    ...(r.memoryBytes > 0 ? { limit: r.memoryBytes } : {}),
    ...(r.memoryReservationBytes > 0 ? { reservation: r.memoryReservationBytes } : {}),
    ...(r.memorySwapBytes > 0 ? { swap: r.memorySwapBytes } : {}),
    ...(r.oomKillDisable === null ? {} : { disableOOMKiller: r.oomKillDisable }),
  };
  const cpu = {
    ...(r.cpuShares > 0 ? { shares: r.cpuShares } : {}),
    ...(r.cpusetCpus === '' ? {} : { cpus: r.cpusetCpus }),
    ...(r.cpusetMems === '' ? {} : { mems: r.cpusetMems }),
    ...(r.nanoCpus > 0 ? { period: CPU_PERIOD_US, quota: Math.trunc((r.nanoCpus * CPU_PERIOD_US) / 1e9) } : {}),
    ...(r.cpuPeriod === 0 ? {} : { period: r.cpuPeriod }),
    ...(r.cpuQuota === 0 ? {} : { quota: r.cpuQuota }),
  };
  return {
    ...(isEmpty(memory) ? {} : { memory }),
    ...(isEmpty(cpu) ? {} : { cpu }),
    // -1 takes an earlier limit away.
    ...(r.pidsLimit === null ? {} : { pids: { limit: r.pidsLimit > 0 ? r.pidsLimit : -1 } }),
    ...(r.blkioWeight > 0 ? { blockIO: { weight: r.blkioWeight } } : {}),
  };
}

/** Limits in the place of those that are there; devices and what else there is stay. */
export function withLimits(there: OciResources | undefined, limits: OciResources): OciResources {
  const { memory: _memory, cpu: _cpu, pids: _pids, blockIO: _blockIO, ...others } = there ?? {};
  return { ...others, ...limits };
}

/** The same in CRI's words, as far as it has them: for crictl and whoever else asks CRI. */
export function criResources(r: ResourceSpec) {
  const { cpu = {} } = ociResources(r);
  return {
    memoryLimitInBytes: BigInt(r.memoryBytes),
    memorySwapLimitInBytes: BigInt(Math.max(r.memorySwapBytes, 0)),
    cpuPeriod: BigInt(cpu.period ?? 0),
    cpuQuota: BigInt(cpu.quota ?? 0),
    cpuShares: BigInt(r.cpuShares),
    cpusetCpus: r.cpusetCpus,
    cpusetMems: r.cpusetMems,
    oomScoreAdj: BigInt(r.oomScoreAdj),
  };
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
