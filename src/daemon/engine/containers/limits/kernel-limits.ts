/** What the kernel of this host can limit, read from its cgroup mounts as docker reads it (moby, pkg/sysinfo). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

export interface KernelLimits {
  /** cgroup v2. */
  readonly unified: boolean;
  readonly memory: boolean;
  readonly swap: boolean;
  readonly memoryReservation: boolean;
  readonly oomKillDisable: boolean;
  readonly cpuShares: boolean;
  /** Periods and quotas. */
  readonly cpuCfs: boolean;
  readonly pids: boolean;
  readonly blkioWeight: boolean;
  readonly cpuset: boolean;
  /** What a cpuset may name: 0-3,5. */
  readonly cpus: string;
  readonly mems: string;
  readonly cgroupNamespaces: boolean;
}

/**
 * Looks at the host. Some twenty questions to the kernel's memory, so it is asked anew each time.
 * @param mount where cgroups are mounted
 * @param proc where the process file system is
 */
export function readKernelLimits(mount = '/sys/fs/cgroup', proc = '/proc'): KernelLimits {
  const controllers = readOptional(join(mount, 'cgroup.controllers'));
  const cgroupNamespaces = existsSync(join(proc, 'self/ns/cgroup'));
  return { ...(controllers === undefined ? v1(mount) : v2(mount, proc, controllers.split(/\s+/))), cgroupNamespaces };
}

/**
 * How many processors this machine has, whatever part of them we may use. Node reads all of /proc/cpuinfo for it, so it is not asked
 * for a request that does not depend on it.
 */
export function processors(asked: { readonly nanoCpus: number }): number {
  return asked.nanoCpus === 0 ? 0 : cpus().length;
}

type Limits = Omit<KernelLimits, 'cgroupNamespaces'>;

function v1(mount: string): Limits {
  const has = (controller: string, file: string) => existsSync(join(mount, controller, file));
  const set = (file: string) => readOptional(join(mount, 'cpuset', file))?.trim() ?? '';
  return {
    unified: false,
    memory: has('memory', 'memory.limit_in_bytes'),
    swap: has('memory', 'memory.memsw.limit_in_bytes'),
    memoryReservation: has('memory', 'memory.soft_limit_in_bytes'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuCfs: has('cpu', 'cpu.cfs_quota_us'),
    pids: has('pids', 'cgroup.procs'),
    // The weights of BFQ are in every group but the root, which shows only its figures; runc writes either file.
    blkioWeight: has('blkio', 'blkio.weight') || has('blkio', 'blkio.bfq.io_serviced'),
    cpuset: has('cpuset', 'cpuset.cpus'),
    cpus: set('cpuset.cpus'),
    mems: set('cpuset.mems'),
  };
}

function v2(mount: string, proc: string, controllers: readonly string[]): Limits {
  const has = (controller: string) => controllers.includes(controller);
  const set = (file: string) => readOptional(join(mount, file))?.trim() ?? '';
  return {
    unified: true,
    memory: has('memory'),
    swap: has('memory') && accountsSwap(mount, proc),
    memoryReservation: has('memory'),
    // Without a limit that may be reached there is nothing to disable: memory.max always kills.
    oomKillDisable: false,
    cpuShares: has('cpu'),
    cpuCfs: has('cpu'),
    pids: has('pids'),
    blkioWeight: has('io'),
    cpuset: has('cpuset'),
    cpus: set('cpuset.cpus.effective'),
    mems: set('cpuset.mems.effective'),
  };
}

/** The root group has no memory.swap.max: our own group is looked at, or any other where that is the root. */
function accountsSwap(mount: string, proc: string): boolean {
  const own = /^0::(.*)$/m.exec(readOptional(join(proc, 'self/cgroup')) ?? '')?.[1] ?? '/';
  const groups = own === '/' ? readdirSync(mount) : [own];
  return groups.some((group) => existsSync(join(mount, group, 'memory.swap.max')));
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
