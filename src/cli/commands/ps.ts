/** `k3c ps` */
import type { CommandDefinition } from '../command.ts';
import { flag, value, values } from '../flags/option.ts';
import { parseInteger } from '../flags/sizes.ts';
import { parseFilter, toFilters } from '../flags/words.ts';
import { containerList } from '../output/containers.ts';
import { FORMAT_HELP, formatUses, renderList } from '../output/rows.ts';
import { userFormat } from '../user-format.ts';

interface PsFlags {
  readonly all?: boolean;
  readonly filter?: readonly (readonly [string, string])[];
  readonly format?: string;
  readonly last: number;
  readonly latest?: boolean;
  readonly quiet?: boolean;
  readonly size?: boolean;
  /** `--no-trunc` makes it false. */
  readonly trunc: boolean;
}

export const ps: CommandDefinition<PsFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    for (const option of [
      flag('-a, --all', 'Show all containers (default shows just running)'),
      values('-f, --filter <filter>', 'Filter output based on conditions provided', parseFilter),
      value('--format <string>', FORMAT_HELP),
      value('-n, --last <int>', 'Show n last created containers (includes all states)', parseInteger).default(-1),
      flag('-l, --latest', 'Show the latest created container (includes all states)'),
      flag('--no-trunc', "Don't truncate output"),
      flag('-q, --quiet', 'Only display container IDs'),
      flag('-s, --size', 'Display total file sizes'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, _operands, flags) {
    const last = flags.latest === true && flags.last === -1 ? 1 : flags.last;
    const size = flags.size === true;
    const own = flags.format ?? (flags.quiet === true ? undefined : await userFormat(context, 'psFormat'));
    const client = await context.client();
    const { containers } = await client.containers.list(
      {
        all: flags.all === true,
        last: Math.max(0, last),
        filters: toFilters(flags.filter ?? []),
        size: size || formatUses(own, 'Size'),
      },
      { signal: context.signal },
    );
    const form = containerList({ truncate: flags.trunc, size, now: Date.now() });
    const ignored = flags.quiet === true && flags.format !== undefined && flags.format !== 'table';
    if (ignored) {
      context.stderr.write('WARNING: Ignoring custom format, because both --format and --quiet are set.\n');
    }
    context.stdout.write(renderList(containers, form, { quiet: flags.quiet, format: ignored ? '' : own }));
    return 0;
  },
};
