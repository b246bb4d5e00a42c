/** `k3c pod create` */
import type { PodSpec } from '../../api/gen/k3c.ts';
import type { CommandDefinition } from '../command.ts';
import type { NetworkFlags } from '../container-flags/network.ts';
import { toNetworks } from '../container-flags/networks.ts';
import { labelsOf, portsOf, type SandboxFlags, sandboxFlags } from '../container-flags/sandbox.ts';
import type { CommandContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { toLabels } from '../flags/environment.ts';
import { flag, value } from '../flags/option.ts';
import { parseShare, type SharedNamespaces } from '../flags/shared-namespaces.ts';
import { openIdFile } from '../id-file.ts';

interface PodCreateFlags extends NetworkFlags, SandboxFlags {
  readonly name?: string;
  readonly podIdFile?: string;
  readonly replace?: boolean;
  readonly share?: SharedNamespaces;
}

export const podCreate: CommandDefinition<PodCreateFlags> = {
  usage: '[OPTIONS] [NAME]',
  details:
    'Containers join it by "k3c run --pod NAME". They share its address, ports, names, hostname and /dev/shm,\nand with --share=+pid its processes.',
  operands: [0, 1],
  configure(command) {
    for (const option of [
      ...sandboxFlags('pod'),
      value('-n, --name <string>', 'Assign a name to the pod'),
      value('--pod-id-file <string>', 'Write the pod ID to the file'),
      flag('--replace', 'Remove a pod of this name, with its containers, first'),
      value(
        '--share <list>',
        'Namespaces that its containers share: ipc,net,uts and, if given, pid',
        parseShare,
      ).default(undefined, 'ipc,net,uts'),
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
  return {
    hostname: flags.hostname ?? '',
    labels: await labelsOf(flags, cwd),
    ports: portsOf(flags),
    ...toNetworks(flags.network, flags),
    sysctls: Object.fromEntries(flags.sysctl ?? []),
    sharePid: flags.share?.pid === true,
    cgroupParent: flags.cgroupParent ?? '',
    annotations: toLabels(flags.annotation ?? []),
    shmSizeBytes: flags.shmSize ?? 0n,
  };
}

/** By its whole name: `remove` would take a prefix of an id for another pod. */
async function removeNamed(context: CommandContext, name: string): Promise<void> {
  const { pods } = await context.client();
  const found = await pods.list({ all: false, filters: { name: { values: [name] } } }, { signal: context.signal });
  const old = found.pods.find((pod) => pod.name === name);
  if (old !== undefined) await pods.remove({ pod: old.id, force: true }, { signal: context.signal });
}
