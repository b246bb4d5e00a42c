/** The flags of what a sandbox is made from. A container by itself has them, or the pod that several containers are in. */
import type { Option } from 'commander';
import type { PortRequest } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import { checkLabel, readLabelFiles, toLabels } from '../flags/environment.ts';
import { parseSysctl } from '../flags/limits.ts';
import { type NetworkWish, parseNetwork } from '../flags/networks.ts';
import { otherName, value, values } from '../flags/option.ts';
import { parsePublish } from '../flags/ports.ts';
import { parseBytes } from '../flags/sizes.ts';
import { addressFlags } from './network.ts';

export interface SandboxFlags {
  readonly annotation?: readonly string[];
  readonly cgroupParent?: string;
  readonly hostname?: string;
  readonly label?: readonly string[];
  readonly labelFile?: readonly string[];
  readonly network?: readonly NetworkWish[];
  readonly publish?: readonly string[];
  readonly shmSize?: bigint;
  readonly sysctl?: readonly (readonly [name: string, value: string])[];
}

/** Those of run, create and `pod create`: the same words for the same thing. */
export function sandboxFlags(of: 'container' | 'pod'): Option[] {
  const named = of === 'pod' ? 'a name, bridge, host or none' : 'a name, bridge, host, none or container:NAME';
  const annotated = of === 'pod' ? "pod's sandbox" : 'container (passed through to the OCI runtime)';
  const network = values('--network <network>', `Connect a ${of} to a network: ${named}`, parseNetwork);
  return [
    ...addressFlags(of),
    values('--annotation <map>', `Add an annotation to the ${annotated}`, checkLabel),
    value('--cgroup-parent <string>', `Optional parent cgroup for the ${of}`),
    value('-h, --hostname <string>', of === 'pod' ? 'Pod host name (default: its name)' : 'Container host name'),
    values('-l, --label <list>', `Set meta data on a ${of}`, checkLabel),
    values('--label-file <list>', 'Read in a line delimited file of labels'),
    network,
    otherName(network, '--net <network>'),
    values('-p, --publish <list>', `Publish a ${of}'s port(s) to the host`),
    value('--shm-size <bytes>', 'Size of /dev/shm', parseBytes),
    values('--sysctl <map>', 'Sysctl options', parseSysctl),
  ];
}

/** The labels of the files, then those of the flags. Throws CliError where a file cannot be read. */
export async function labelsOf(flags: SandboxFlags, cwd: string): Promise<Record<string, string>> {
  return toLabels([...(await readLabelFiles(flags.labelFile ?? [], cwd)), ...(flags.label ?? [])]);
}

/** What docker checks only when the whole command line was read: CliError is told without the usage. */
export function portsOf({ publish = [] }: SandboxFlags): PortRequest[] {
  try {
    return publish.flatMap(parsePublish);
  } catch (cause) {
    throw new CliError((cause as Error).message, { cause });
  }
}
