/** `k3c volume create`, `ls`, `rm` and `prune`; inspect is in inspect.ts. */
import { Code, hasCode } from '../../api/errors.ts';
import type { CommandDefinition } from '../command.ts';
import { forEachOperand } from '../each.ts';
import { CliError } from '../errors.ts';
import { checkLabel, toLabels } from '../flags/environment.ts';
import { flag, value, values } from '../flags/option.ts';
import { parseFilter, toFilters } from '../flags/words.ts';
import { compareNaturally } from '../output/natural-order.ts';
import { FORMAT_HELP, renderList } from '../output/rows.ts';
import { volumeList } from '../output/volumes.ts';
import { pruneCommand, removalWarning } from '../prune-command.ts';
import { type PruneFlags, pruneVolumes } from '../pruning.ts';
import { userFormat } from '../user-format.ts';

interface CreateFlags {
  readonly driver: string;
  readonly label?: readonly string[];
  readonly name?: string;
  readonly opt?: readonly string[];
}

export const volumeCreate: CommandDefinition<CreateFlags> = {
  usage: '[OPTIONS] [VOLUME]',
  operands: [0, 1],
  configure(command) {
    command.addOption(value('-d, --driver <string>', 'Specify volume driver name').default('local'));
    command.addOption(values('--label <list>', 'Set metadata for a volume', checkLabel));
    command.addOption(value('--name <string>', 'Specify volume name').hideHelp());
    command.addOption(values('-o, --opt <map>', 'Set driver specific options'));
  },
  async run(context, [operand], flags) {
    if (operand !== undefined && flags.name !== undefined)
      throw new CliError(
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      );
    const { volumes } = await context.client();
    const { volume } = await volumes.create(
      {
        name: operand ?? flags.name ?? '',
        driver: flags.driver,
        options: toLabels(flags.opt ?? []),
        labels: toLabels(flags.label ?? []),
      },
      { signal: context.signal },
    );
    context.stdout.write(`${volume?.name ?? ''}\n`);
    return 0;
  },
};

interface ListFlags {
  readonly filter?: readonly (readonly [string, string])[];
  readonly format?: string;
  readonly quiet?: boolean;
}

export const volumeLs: CommandDefinition<ListFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(values('-f, --filter <filter>', 'Provide filter values (e.g. "dangling=true")', parseFilter));
    command.addOption(value('--format <string>', FORMAT_HELP));
    command.addOption(flag('-q, --quiet', 'Only display volume names'));
  },
  async run(context, _operands, flags) {
    const { volumes } = await context.client();
    const found = await volumes.list({ filters: toFilters(flags.filter ?? []) }, { signal: context.signal });
    const sorted = found.volumes.toSorted((a, b) => compareNaturally(a.name, b.name));
    const format = flags.format ?? (flags.quiet === true ? undefined : await userFormat(context, 'volumesFormat'));
    context.stdout.write(renderList(sorted, volumeList(), { quiet: flags.quiet, format }));
    return 0;
  },
};

interface RmFlags {
  readonly force?: boolean;
}

export const volumeRm: CommandDefinition<RmFlags> = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  details: 'You cannot remove a volume that is in use by a container.',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: (command) => void command.addOption(flag('-f, --force', 'Force the removal of one or more volumes')),
  async run(context, operands, flags) {
    const { volumes } = await context.client();
    const force = flags.force === true;
    return await forEachOperand(
      context,
      operands,
      async (volume) => {
        await volumes.remove({ volume, force }, { signal: context.signal });
        return volume;
      },
      { forgives: (error) => force && hasCode(error, Code.NOT_FOUND) },
    );
  },
};

export const volumePrune = pruneCommand({
  all: 'Remove all unused volumes, not just anonymous ones',
  filter: 'label=<label>',
  warning: (flags) =>
    removalWarning(`${readAll(flags).all ? 'all' : 'anonymous'} local volumes not used by at least one container`),
  prune: (context, flags) => pruneVolumes(context, readAll(flags)),
});

/** docker's API has --all as a filter, which its users may give, too. */
function readAll(flags: PruneFlags): { readonly all: boolean; readonly filter: NonNullable<PruneFlags['filter']> } {
  const given = (flags.filter ?? []).filter(([name]) => name === 'all').map(([, text]) => text);
  const filter = (flags.filter ?? []).filter(([name]) => name !== 'all');
  if (given.length === 0) return { all: flags.all === true, filter };
  if (flags.all === true) throw new CliError('conflicting options: cannot specify both --all and --filter all=1');
  const [text = ''] = given;
  if (given.length > 1) throw new CliError(`invalid filter 'all=[${given.join(' ')}]': only one value is expected`);
  if (['1', 't', 'true'].includes(text.toLowerCase())) return { all: true, filter };
  if (['0', 'f', 'false'].includes(text.toLowerCase())) return { all: false, filter };
  throw new CliError(`invalid filter 'all=${text}'`);
}
