/** `k3c builder du` */
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';
import { flag, value } from '../flags/option.ts';
import { type FilterPairs, pruneFilter, toFiltersAt } from '../flags/prune-filters.ts';
import { buildCacheDetails, buildCacheList, buildCacheSummary } from '../output/build-cache.ts';
import { FORMAT_HELP, renderList } from '../output/rows.ts';

interface BuilderDuFlags {
  readonly filter?: FilterPairs;
  readonly format?: string;
  readonly verbose?: boolean;
}

export const builderDu: CommandDefinition<BuilderDuFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(pruneFilter('until=24h'));
    command.addOption(value('--format <string>', FORMAT_HELP));
    command.addOption(flag('--verbose', 'Show all that is known of each record'));
  },
  async run(context, _operands, flags) {
    const verbose = flags.verbose === true;
    if (verbose && flags.format !== undefined) throw new CliError('--format and --verbose cannot be used together');
    const { system } = await context.client();
    const { buildCache } = await system.diskUsage(
      { buildCacheOnly: true, buildCacheFilters: toFiltersAt(flags.filter ?? [], Date.now()) },
      { signal: context.signal },
    );
    const table = (flags.format ?? 'table') === 'table';
    const form = buildCacheList({ now: Date.now(), marks: table && !verbose });
    const list = verbose ? buildCacheDetails(buildCache, form) : renderList(buildCache, form, { format: flags.format });
    context.stdout.write(list);
    if (table && flags.filter === undefined) context.stdout.write(buildCacheSummary(buildCache));
    return 0;
  },
};
