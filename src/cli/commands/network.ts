/** `k3c network create`, `ls`, `rm` and `prune`; connect is in network-connect.ts, inspect in inspect.ts. */
import { Code, hasCode } from '../../api/errors.ts';
import type { CommandDefinition } from '../command.ts';
import { forEachOperand } from '../each.ts';
import { checkLabel, toLabels } from '../flags/environment.ts';
import { flag, value, values } from '../flags/option.ts';
import { parseFilter, toFilters } from '../flags/words.ts';
import { type PoolFlags, toPools } from '../network-pools.ts';
import { compareNaturally } from '../output/natural-order.ts';
import { networkList } from '../output/networks.ts';
import { FORMAT_HELP, renderList } from '../output/rows.ts';
import { pruneCommand, removalWarning } from '../prune-command.ts';
import { pruneNetworks } from '../pruning.ts';
import { userFormat } from '../user-format.ts';

interface CreateFlags extends PoolFlags {
  readonly driver: string;
  readonly internal?: boolean;
  readonly ipv6?: boolean;
  readonly label?: readonly string[];
  readonly opt?: readonly string[];
}

export const networkCreate: CommandDefinition<CreateFlags> = {
  usage: '[OPTIONS] NETWORK',
  operands: [1, 1],
  configure(command) {
    for (const option of [
      value('-d, --driver <string>', 'Driver to manage the Network').default('bridge'),
      values('--gateway <strings>', 'IPv4 or IPv6 Gateway for the master subnet'),
      flag('--internal', 'Restrict external access to the network'),
      values('--ip-range <strings>', 'Allocate container ip from a sub-range'),
      flag('--ipv6', 'Enable IPv6 networking'),
      values('--label <list>', 'Set metadata on a network', checkLabel),
      values('-o, --opt <map>', 'Set driver specific options'),
      values('--subnet <strings>', 'Subnet in CIDR format that represents a network segment'),
    ])
      command.addOption(option);
  },
  async run(context, [name = ''], flags) {
    const { networks } = await context.client();
    const { id } = await networks.create(
      {
        name,
        driver: flags.driver,
        ...toPools(flags),
        ipv6: flags.ipv6 === true,
        internal: flags.internal === true,
        options: toLabels(flags.opt ?? []),
        labels: toLabels(flags.label ?? []),
      },
      { signal: context.signal },
    );
    context.stdout.write(`${id}\n`);
    return 0;
  },
};

interface ListFlags {
  readonly filter?: readonly (readonly [string, string])[];
  readonly format?: string;
  readonly quiet?: boolean;
  /** `--no-trunc` makes it false. */
  readonly trunc: boolean;
}

export const networkLs: CommandDefinition<ListFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(values('-f, --filter <filter>', 'Provide filter values (e.g. "driver=bridge")', parseFilter));
    command.addOption(value('--format <string>', FORMAT_HELP));
    command.addOption(flag('--no-trunc', 'Do not truncate the output'));
    command.addOption(flag('-q, --quiet', 'Only display network IDs'));
  },
  async run(context, _operands, flags) {
    const { networks } = await context.client();
    const found = await networks.list({ filters: toFilters(flags.filter ?? []) }, { signal: context.signal });
    const sorted = found.networks.toSorted((a, b) => compareNaturally(a.name, b.name));
    const format = flags.format ?? (flags.quiet === true ? undefined : await userFormat(context, 'networksFormat'));
    const form = networkList({ truncate: flags.trunc });
    context.stdout.write(renderList(sorted, form, { quiet: flags.quiet, format }));
    return 0;
  },
};

interface RmFlags {
  readonly force?: boolean;
}

export const networkRm: CommandDefinition<RmFlags> = {
  usage: 'NETWORK [NETWORK...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: (command) => void command.addOption(flag('-f, --force', 'Do not error if the network does not exist')),
  async run(context, operands, flags) {
    const { networks } = await context.client();
    return await forEachOperand(
      context,
      operands,
      async (network) => {
        await networks.remove({ network }, { signal: context.signal });
        return network;
      },
      { forgives: (error) => flags.force === true && hasCode(error, Code.NOT_FOUND) },
    );
  },
};

export const networkPrune = pruneCommand({
  warning: () => removalWarning('all custom networks not used by at least one container'),
  prune: pruneNetworks,
});
