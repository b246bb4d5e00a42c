/** The flags of a container's limits. */
import type { Option } from 'commander';
import { Resources, type Ulimit } from '../../api/gen/k3c.ts';
import { parseInt64, parseMemorySwap, parseUlimit, parseWeight } from '../flags/limits.ts';
import { flag, value, values } from '../flags/option.ts';
import { parseBytes, parseCpus, parseInteger } from '../flags/sizes.ts';
import type { SandboxFlags } from './sandbox.ts';

/** What `update` can change too. */
export interface LimitFlags {
  readonly blkioWeight?: number;
  readonly cpuPeriod?: bigint;
  readonly cpuQuota?: bigint;
  readonly cpuShares?: bigint;
  readonly cpus?: bigint;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memory?: bigint;
  readonly memoryReservation?: bigint;
  readonly memorySwap?: bigint;
  readonly pidsLimit?: bigint;
}

export interface ResourceFlags extends LimitFlags, Pick<SandboxFlags, 'shmSize'> {
  readonly oomKillDisable?: boolean;
  readonly oomScoreAdj?: number;
  readonly ulimit?: readonly Ulimit[];
}

/** Those of run, create and update. */
export function limitFlags(): Option[] {
  return [
    value(
      '--blkio-weight <uint16>',
      'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)',
      parseWeight,
    ),
    value('--cpu-period <int>', 'Limit CPU CFS (Completely Fair Scheduler) period', parseInt64),
    value('--cpu-quota <int>', 'Limit CPU CFS (Completely Fair Scheduler) quota', parseInt64),
    value('-c, --cpu-shares <int>', 'CPU shares (relative weight)', parseInt64),
    value('--cpus <decimal>', 'Number of CPUs', parseCpus),
    value('--cpuset-cpus <string>', 'CPUs in which to allow execution (0-3, 0,1)'),
    value('--cpuset-mems <string>', 'MEMs in which to allow execution (0-3, 0,1)'),
    value('-m, --memory <bytes>', 'Memory limit', parseBytes),
    value('--memory-reservation <bytes>', 'Memory soft limit', parseBytes),
    value(
      '--memory-swap <bytes>',
      "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
      parseMemorySwap,
    ),
    value('--pids-limit <int>', 'Tune container pids limit (set -1 for unlimited)', parseInt64),
  ];
}

/** Those of run and create. */
export function resourceFlags(): Option[] {
  return [
    ...limitFlags(),
    flag('--oom-kill-disable', 'Disable OOM Killer'),
    value('--oom-score-adj <int>', "Tune host's OOM preferences (-1000 to 1000)", parseInteger),
    values('--ulimit <ulimit>', 'Ulimit options', parseUlimit),
  ];
}

/** Undefined where none is given. */
export function toResources(flags: ResourceFlags): Resources | undefined {
  const asked: Partial<Resources> = {
    ...(flags.blkioWeight === undefined ? {} : { blkioWeight: flags.blkioWeight }),
    ...(flags.cpuPeriod === undefined ? {} : { cpuPeriod: flags.cpuPeriod }),
    ...(flags.cpuQuota === undefined ? {} : { cpuQuota: flags.cpuQuota }),
    ...(flags.cpuShares === undefined ? {} : { cpuShares: flags.cpuShares }),
    ...(flags.cpus === undefined ? {} : { nanoCpus: flags.cpus }),
    ...(flags.cpusetCpus === undefined ? {} : { cpusetCpus: flags.cpusetCpus }),
    ...(flags.cpusetMems === undefined ? {} : { cpusetMems: flags.cpusetMems }),
    ...(flags.memory === undefined ? {} : { memoryBytes: flags.memory }),
    ...(flags.memoryReservation === undefined ? {} : { memoryReservationBytes: flags.memoryReservation }),
    ...(flags.memorySwap === undefined ? {} : { memorySwapBytes: flags.memorySwap }),
    ...(flags.oomKillDisable === undefined ? {} : { oomKillDisable: flags.oomKillDisable }),
    ...(flags.oomScoreAdj === undefined ? {} : { oomScoreAdj: flags.oomScoreAdj }),
    ...(flags.pidsLimit === undefined ? {} : { pidsLimit: flags.pidsLimit }),
    ...(flags.shmSize === undefined ? {} : { shmSizeBytes: flags.shmSize }),
    ...(flags.ulimit === undefined ? {} : { ulimits: lastOfEach(flags.ulimit) }),
  };
  return Object.keys(asked).length === 0 ? undefined : Resources.fromPartial(asked);
}

/** Of a limit that is given twice the last one counts; sorted, as docker sends them. */
function lastOfEach(ulimits: readonly Ulimit[]): Ulimit[] {
  const byName = new Map(ulimits.map((ulimit) => [ulimit.name, ulimit]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
