/** `k3c container prune` */
import type { CommandDefinition } from '../command.ts';
import { confirm } from '../confirm.ts';
import { flag } from '../flags/option.ts';
import { pruneFilter } from '../flags/prune-filters.ts';
import { type PruneFlags, printPruned, pruneContainers } from '../pruning.ts';

const WARNING = 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue?';

export const containerPrune: CommandDefinition<PruneFlags> = {
  usage: '[OPTIONS]',
  details: 'Containers that were put into a pod stay: they go with it, by "k3c pod rm" or "k3c pod prune".',
  operands: [0, 0],
  configure(command) {
    command.addOption(pruneFilter());
    command.addOption(flag('-f, --force', 'Do not prompt for confirmation'));
  },
  async run(context, _operands, flags) {
    if (flags.force !== true && !(await confirm(context, WARNING))) return 0;
    printPruned(context, await pruneContainers(context, flags));
    return 0;
  },
};
