/** `k3c builder prune` */
import type { CommandDefinition } from '../command.ts';
import { confirm } from '../confirm.ts';
import { flag, value } from '../flags/option.ts';
import { pruneFilter } from '../flags/prune-filters.ts';
import { parseBytes } from '../flags/sizes.ts';
import { type PruneFlags, printPruned, pruneBuildCache } from '../pruning.ts';

interface BuilderPruneFlags extends PruneFlags {
  readonly keepStorage?: bigint;
}

export const builderPrune: CommandDefinition<BuilderPruneFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(flag('-a, --all', 'Remove all unused build cache, not just dangling ones'));
    command.addOption(pruneFilter('until=24h'));
    command.addOption(flag('-f, --force', 'Do not prompt for confirmation'));
    command.addOption(value('--keep-storage <bytes>', 'Amount of disk space to keep for cache', parseBytes));
  },
  async run(context, _operands, flags) {
    const what = flags.all === true ? 'all build cache' : 'all dangling build cache';
    const warning = `WARNING! This will remove ${what}. Are you sure you want to continue?`;
    if (flags.force !== true && !(await confirm(context, warning))) return 0;
    printPruned(context, await pruneBuildCache(context, flags, flags.keepStorage));
    return 0;
  },
};
