/** Limits as docker checks, corrects and completes them (moby, daemon_unix.go: verifyPlatformContainerResources). */
import { Code, K3cError } from '../../../../api/errors.ts';
import type { ResourceSpec } from '../../../state/spec.ts';
import { isCpuListAvailable } from './cpu-list.ts';
import type { KernelLimits } from './kernel-limits.ts';

/** docker's smallest limit: what starting takes has its place in it. */
const MIN_MEMORY = 6 << 20;
/** Of /dev/shm. */
export const DEFAULT_SHM_BYTES = 64 << 20;

export interface CheckedResources {
  readonly resources: ResourceSpec;
  readonly warnings: readonly string[];
}

/** A new container's: what is left open gets docker's defaults, then all is checked. */
export function checkNewResources(asked: ResourceSpec, kernel: KernelLimits, processors: number): CheckedResources {
  const { memoryBytes, memorySwapBytes, shmSizeBytes, pidsLimit, oomScoreAdj } = asked;
  const completed = {
    ...asked,
    // As much swap again as memory.
    memorySwapBytes: memoryBytes > 0 && memorySwapBytes === 0 ? memoryBytes * 2 : memorySwapBytes,
    shmSizeBytes: shmSizeBytes === 0 ? DEFAULT_SHM_BYTES : shmSizeBytes,
    // 0 and every negative number say: no limit.
    pidsLimit: pidsLimit !== null && pidsLimit <= 0 ? null : pidsLimit,
  };
  const checked = checkResources(completed, kernel, processors, false);
  if (shmSizeBytes < 0) refuse('SHM size can not be less than 0');
  if (oomScoreAdj < -1000 || oomScoreAdj > 1000)
    refuse(`Invalid value ${oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  return checked;
}

/**
 * What cannot be right is refused (INVALID_ARGUMENT in docker's words); what this kernel lacks is dropped, with a warning.
 * @param update whether it changes a container that has limits already
 */
export function checkResources(
  asked: ResourceSpec,
  kernel: KernelLimits,
  processors: number,
  update: boolean,
): CheckedResources {
  const warnings: string[] = [];
  const resources = { ...asked };
  checkMemory(resources, kernel, update, warnings);
  if (resources.pidsLimit !== null && !kernel.pids) {
    if (resources.pidsLimit > 0) warnings.push(lacks('PIDs limit capabilities', 'PIDs limit discarded.'));
    resources.pidsLimit = null;
  }
  checkCpu(resources, kernel, processors, warnings);
  checkCpuset(resources, kernel, warnings);
  if (resources.blkioWeight > 0 && !kernel.blkioWeight) {
    warnings.push(lacks('Block I/O weight', 'Weight discarded.'));
    resources.blkioWeight = 0;
  }
  if (resources.blkioWeight !== 0 && (resources.blkioWeight < 10 || resources.blkioWeight > 1000))
    refuse('Range of blkio weight is from 10 to 1000');
  return { resources, warnings };
}

type Mutable = { -readonly [K in keyof ResourceSpec]: ResourceSpec[K] };

function checkMemory(r: Mutable, kernel: KernelLimits, update: boolean, warnings: string[]): void {
  if (r.memoryBytes !== 0 && r.memoryBytes < MIN_MEMORY) refuse('Minimum memory limit allowed is 6MB');
  if (r.memoryBytes > 0 && !kernel.memory) {
    warnings.push(lacks('memory limit capabilities', 'Limitation discarded.'));
    r.memoryBytes = 0;
    r.memorySwapBytes = -1;
  }
  if (r.memoryBytes > 0 && r.memorySwapBytes !== -1 && !kernel.swap) {
    warnings.push(lacks('swap limit capabilities', 'Memory limited without swap.'));
    r.memorySwapBytes = -1;
  }
  if (r.memoryBytes > 0 && r.memorySwapBytes > 0 && r.memorySwapBytes < r.memoryBytes)
    refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (r.memoryBytes === 0 && r.memorySwapBytes > 0 && !update)
    refuse('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (r.memoryReservationBytes > 0 && !kernel.memoryReservation) {
    warnings.push(lacks('memory soft limit capabilities', 'Limitation discarded.'));
    r.memoryReservationBytes = 0;
  }
  if (r.memoryReservationBytes !== 0 && r.memoryReservationBytes < MIN_MEMORY)
    refuse('Minimum memory reservation allowed is 6MB');
  if (r.memoryBytes > 0 && r.memoryReservationBytes > 0 && r.memoryBytes < r.memoryReservationBytes)
    refuse('Minimum memory limit can not be less than memory reservation limit, see usage');
  if (r.oomKillDisable !== null && !kernel.oomKillDisable) {
    if (r.oomKillDisable) warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
    r.oomKillDisable = null;
  }
  if (r.oomKillDisable === true && r.memoryBytes === 0)
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
}

function checkCpu(r: Mutable, kernel: KernelLimits, processors: number, warnings: string[]): void {
  if (r.nanoCpus > 0 && r.cpuPeriod > 0) refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (r.nanoCpus > 0 && r.cpuQuota > 0) refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (r.nanoCpus > 0 && !kernel.cpuCfs)
    refuse('NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted');
  if (r.nanoCpus < 0 || r.nanoCpus > processors * 1e9)
    refuse(`range of CPUs is from 0.01 to ${processors}.00, as there are only ${processors} CPUs available`);
  if (r.cpuShares < 0) refuse(`invalid CPU shares (${r.cpuShares}): value must be a positive integer`);
  if (r.cpuShares > 0 && !kernel.cpuShares) {
    warnings.push(lacks('CPU shares', 'Shares discarded.'));
    r.cpuShares = 0;
  }
  if ((r.cpuPeriod !== 0 || r.cpuQuota !== 0) && !kernel.cpuCfs) {
    warnings.push('Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.');
    r.cpuPeriod = 0;
    r.cpuQuota = 0;
  }
  if (r.cpuPeriod !== 0 && (r.cpuPeriod < 1000 || r.cpuPeriod > 1_000_000))
    refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (r.cpuQuota > 0 && r.cpuQuota < 1000) refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)');
}

function checkCpuset(r: Mutable, kernel: KernelLimits, warnings: string[]): void {
  if ((r.cpusetCpus !== '' || r.cpusetMems !== '') && !kernel.cpuset) {
    warnings.push(lacks('cpuset', 'Cpuset discarded.'));
    r.cpusetCpus = '';
    r.cpusetMems = '';
  }
  for (const [what, noun, asked, available] of [
    ['cpuset cpus', 'CPUs', r.cpusetCpus, kernel.cpus],
    ['cpuset mems', 'memory nodes', r.cpusetMems, kernel.mems],
  ] as const) {
    let there: boolean;
    try {
      there = isCpuListAvailable(asked, available);
    } catch (cause) {
      throw invalid(`Invalid value ${asked} for ${what}: ${(cause as Error).message}`, cause);
    }
    if (!there) refuse(`Requested ${noun} are not available - requested ${asked}, available: ${available}`);
  }
}

function lacks(what: string, consequence: string): string {
  return `Your kernel does not support ${what} or the cgroup is not mounted. ${consequence}`;
}

function invalid(message: string, cause?: unknown): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', cause });
}

function refuse(message: string): never {
  throw invalid(message);
}
