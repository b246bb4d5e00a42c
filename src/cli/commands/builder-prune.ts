/** `k3c builder prune` */
import { value } from '../flags/option.ts';
import { parseBytes } from '../flags/sizes.ts';
import { pruneCommand } from '../prune-command.ts';
import { type PruneFlags, pruneBuildCache } from '../pruning.ts';

interface BuilderPruneFlags extends PruneFlags {
  readonly keepStorage?: bigint;
}

export const builderPrune = pruneCommand<BuilderPruneFlags>({
  all: 'Remove all unused build cache, not just dangling ones',
  filter: 'until=24h',
  more: () => [value('--keep-storage <bytes>', 'Amount of disk space to keep for cache', parseBytes)],
  warning: ({ all }) =>
    `WARNING! This will remove ${all === true ? 'all build cache' : 'all dangling build cache'}. Are you sure you want to continue?`,
  prune: (context, flags) => pruneBuildCache(context, flags, flags.keepStorage),
});
