/** `k3c system prune` */
import type { CommandDefinition } from '../command.ts';
import { confirm } from '../confirm.ts';
import { CliError } from '../errors.ts';
import { flag } from '../flags/option.ts';
import { pruneFilter, toFiltersAt } from '../flags/prune-filters.ts';
import { humanSize } from '../output/units.ts';
import {
  type PruneFlags,
  type PruneResult,
  pruneBuildCache,
  pruneContainers,
  pruneImages,
  pruneNetworks,
  pruneVolumes,
} from '../pruning.ts';

interface SystemPruneFlags extends PruneFlags {
  readonly volumes?: boolean;
}

export const systemPrune: CommandDefinition<SystemPruneFlags> = {
  usage: '[OPTIONS]',
  details: 'Pods and their containers stay: they go by "k3c pod rm" or "k3c pod prune".',
  operands: [0, 0],
  configure(command) {
    command.addOption(flag('-a, --all', 'Remove all unused images not just dangling ones'));
    command.addOption(pruneFilter('label=<key>=<value>'));
    command.addOption(flag('-f, --force', 'Do not prompt for confirmation'));
    command.addOption(flag('--volumes', 'Prune anonymous volumes'));
  },
  async run(context, _operands, flags) {
    const filter = flags.filter ?? [];
    if (flags.volumes === true && filter.some(([name]) => name === 'until')) {
      throw new CliError('ERROR: The "until" filter is not supported with "--volumes"');
    }
    // What is wrong with a time is said before the question.
    toFiltersAt(filter, Date.now());
    if (flags.force !== true && !(await confirm(context, question(flags)))) return 0;
    let total = 0n;
    const done = async (act: Promise<PruneResult>) => {
      const { report, reclaimed = 0n } = await act;
      total += reclaimed;
      if (report !== '') context.stdout.write(`${report}\n`);
    };
    // In this order: a container lets go of its image, its network and its volumes, an image of its layers in the build cache.
    await done(pruneContainers(context, flags));
    await done(pruneNetworks(context, flags));
    if (flags.volumes === true) await done(pruneVolumes(context, { filter }));
    await done(pruneImages(context, flags));
    // Build cache has no labels: a filter that wants one chooses nothing of it, one that wants none all of it.
    if (!filter.some(([name]) => name === 'label')) {
      await done(pruneBuildCache(context, { ...flags, filter: filter.filter(([name]) => name !== 'label!') }));
    }
    context.stdout.write(`Total reclaimed space: ${humanSize(total)}\n`);
    return 0;
  },
};

function question({ all, volumes, filter = [] }: SystemPruneFlags): string {
  const going = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes === true ? ['all anonymous volumes not used by at least one container'] : []),
    all === true ? 'all images without at least one container associated to them' : 'all dangling images',
    all === true ? 'all build cache' : 'unused build cache',
  ];
  const filters = filter.map(([name, value]) => `  - ${name}=${value}`).toSorted();
  return [
    'WARNING! This will remove:',
    ...going.map((what) => `  - ${what}`),
    ...(filters.length === 0 ? [] : ['', '  Items to be pruned will be filtered with:', ...filters]),
    '',
    'Are you sure you want to continue?',
  ].join('\n');
}
