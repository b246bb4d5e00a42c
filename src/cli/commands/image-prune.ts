/** `k3c image prune` */
import type { CommandDefinition } from '../command.ts';
import { confirm } from '../confirm.ts';
import { flag } from '../flags/option.ts';
import { pruneFilter } from '../flags/prune-filters.ts';
import { type PruneFlags, printPruned, pruneImages } from '../pruning.ts';

export const imagePrune: CommandDefinition<PruneFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(flag('-a, --all', 'Remove all unused images, not just dangling ones'));
    command.addOption(pruneFilter());
    command.addOption(flag('-f, --force', 'Do not prompt for confirmation'));
  },
  async run(context, _operands, flags) {
    const what =
      flags.all === true ? 'all images without at least one container associated to them' : 'all dangling images';
    const warning = `WARNING! This will remove ${what}.\nAre you sure you want to continue?`;
    if (flags.force !== true && !(await confirm(context, warning))) return 0;
    printPruned(context, await pruneImages(context, flags));
    return 0;
  },
};
