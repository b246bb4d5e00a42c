/** `k3c pod create` */
import type { PodSpec } from '../../api/gen/k3c.ts';
import type { CommandDefinition } from '../command.ts';
import { addressFlags, type NetworkFlags } from '../container-flags/network.ts';
import { toNetworks } from '../container-flags/networks.ts';
import type { CommandContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { checkLabel, readLabelFiles, toLabels } from '../flags/environment.ts';
import { parseSysctl } from '../flags/limits.ts';
import { type NetworkWish, parseNetwork } from '../flags/networks.ts';
import { flag, value, values } from '../flags/option.ts';
import { parsePublish } from '../flags/ports.ts';
import { parseShare, type SharedNamespaces } from '../flags/shared-namespaces.ts';
import { parseBytes } from '../flags/sizes.ts';
import { openIdFile } from '../id-file.ts';

interface PodCreateFlags extends NetworkFlags {
  readonly annotation?: readonly string[];
  readonly cgroupParent?: string;
  readonly hostname?: string;
  readonly label?: readonly string[];
  readonly labelFile?: readonly string[];
  readonly name?: string;
  readonly network?: readonly NetworkWish[];
  readonly podIdFile?: string;
  readonly publish?: readonly string[];
  readonly replace?: boolean;
  readonly share?: SharedNamespaces;
  readonly shmSize?: bigint;
  readonly sysctl?: readonly (readonly [name: string, value: string])[];
}

export const podCreate: CommandDefinition<PodCreateFlags> = {
  usage: '[OPTIONS] [NAME]',
  details:
    'Containers join it by "k3c run --pod NAME". They share its address, ports, names, hostname and /dev/shm,\nand with --share=+pid its processes.',
  operands: [0, 1],
  configure(command) {
    for (const option of [
      ...addressFlags(),
      values('--annotation <map>', "Add an annotation to the pod's sandbox", checkLabel),
      value('--cgroup-parent <string>', 'Optional parent cgroup for the pod'),
      value('-h, --hostname <string>', "Host name of the pod's containers (default: its name)"),
      values('-l, --label <list>', 'Set meta data on a pod', checkLabel),
      values('--label-file <list>', 'Read in a line delimited file of labels'),
      value('-n, --name <string>', 'Assign a name to the pod'),
      values('--network <network>', 'Connect the pod to a network: a name, bridge, host or none', parseNetwork),
      value('--pod-id-file <string>', 'Write the pod ID to the file'),
      values('-p, --publish <list>', "Publish a pod's port(s) to the host"),
      flag('--replace', 'Remove a pod of this name, with its containers, first'),
      value(
        '--share <list>',
        'Namespaces that its containers share: ipc,net,uts and, if given, pid',
        parseShare,
      ).default(undefined, 'ipc,net,uts'),
      value('--shm-size <bytes>', 'Size of /dev/shm', parseBytes),
      values('--sysctl <map>', 'Sysctl options', parseSysctl),
    ])
      command.addOption(option);
  },
  async run(context, [operand], flags) {
    if (operand !== undefined && flags.name !== undefined)
      throw new CliError('conflicting options: cannot specify a pod name through both --name and as a positional arg');
    const name = operand ?? flags.name ?? '';
    if (flags.replace === true && name === '') throw new CliError('cannot replace a pod without its name');
    const spec = await toPodSpec(context, flags);
    const idFile = await openIdFile(flags.podIdFile, context.cwd, 'pod');
    try {
      const { pods } = await context.client();
      if (flags.replace === true) await removeNamed(context, name);
      const { id, warnings } = await pods.create({ name, spec }, { signal: context.signal });
      for (const warning of warnings) context.stderr.write(`WARNING: ${warning}\n`);
      await idFile.write(id);
      context.stdout.write(`${id}\n`);
      return 0;
    } finally {
      await idFile.close();
    }
  },
};

/** Reads the files that the flags name. Throws CliError with docker's sentences. */
async function toPodSpec({ cwd }: CommandContext, flags: PodCreateFlags): Promise<PodSpec> {
  const labelTexts = [...(await readLabelFiles(flags.labelFile ?? [], cwd)), ...(flags.label ?? [])];
  return {
    hostname: flags.hostname ?? '',
    labels: toLabels(labelTexts),
    ports: toPorts(flags.publish ?? []),
    ...toNetworks(flags.network, flags),
    sysctls: Object.fromEntries(flags.sysctl ?? []),
    sharePid: flags.share?.pid === true,
    cgroupParent: flags.cgroupParent ?? '',
    annotations: toLabels(flags.annotation ?? []),
    shmSizeBytes: flags.shmSize ?? 0n,
  };
}

function toPorts(texts: readonly string[]): PodSpec['ports'] {
  try {
    return texts.flatMap(parsePublish);
  } catch (cause) {
    throw new CliError((cause as Error).message, { cause });
  }
}

/** By its whole name: `remove` would take a prefix of an id for another pod. */
async function removeNamed(context: CommandContext, name: string): Promise<void> {
  const { pods } = await context.client();
  const found = await pods.list({ all: false, filters: { name: { values: [name] } } }, { signal: context.signal });
  const old = found.pods.find((pod) => pod.name === name);
  if (old !== undefined) await pods.remove({ pod: old.id, force: true }, { signal: context.signal });
}
