/** What all prune commands have in common: a question, unless it is forced, then the act, and what it did. */
import type { Option } from 'commander';
import type { CommandDefinition } from './command.ts';
import { confirm } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { flag } from './flags/option.ts';
import { pruneFilter } from './flags/prune-filters.ts';
import { type PruneFlags, type PruneResult, printPruned } from './pruning.ts';

interface Pruning<Flags extends PruneFlags> {
  readonly details?: string;
  /** What `-a` does; absent: there is no such flag. */
  readonly all?: string;
  /** What the help of `--filter` says; absent: until=<timestamp>. */
  readonly filter?: string;
  readonly more?: () => readonly Option[];
  /** docker's warning, with its question. */
  readonly warning: (flags: Flags) => string;
  readonly prune: (context: CommandContext, flags: Flags) => Promise<PruneResult>;
}

export function pruneCommand<Flags extends PruneFlags = PruneFlags>({
  details,
  all,
  filter,
  more = () => [],
  warning,
  prune,
}: Pruning<Flags>): CommandDefinition<Flags> {
  return {
    usage: '[OPTIONS]',
    ...(details === undefined ? {} : { details }),
    operands: [0, 0],
    configure(command) {
      if (all !== undefined) command.addOption(flag('-a, --all', all));
      command.addOption(pruneFilter(filter));
      command.addOption(flag('-f, --force', 'Do not prompt for confirmation'));
      for (const option of more()) command.addOption(option);
    },
    async run(context, _operands, flags) {
      if (flags.force !== true && !(await confirm(context, warning(flags)))) return 0;
      printPruned(context, await prune(context, flags));
      return 0;
    },
  };
}

/** docker's sentence for most of them. @param what such as `all stopped containers` */
export function removalWarning(what: string): string {
  return `WARNING! This will remove ${what}.\nAre you sure you want to continue?`;
}
