/** The flags of a container's limits; `update` has them too. */
import type { Option } from 'commander';
import { Resources } from '../../api/gen/k3c.ts';
import { value } from '../flags/option.ts';
import { parseBytes, parseCpus } from '../flags/sizes.ts';

export interface ResourceFlags {
  readonly cpus?: bigint;
  readonly memory?: bigint;
}

export function resourceFlags(): Option[] {
  return [
    value('--cpus <decimal>', 'Number of CPUs', parseCpus),
    value('-m, --memory <bytes>', 'Memory limit', parseBytes),
  ];
}

/** Undefined where none is given. */
export function toResources(flags: ResourceFlags): Resources | undefined {
  if (flags.memory === undefined && flags.cpus === undefined) return undefined;
  return Resources.fromPartial({ memoryBytes: flags.memory ?? 0n, nanoCpus: flags.cpus ?? 0n });
}
