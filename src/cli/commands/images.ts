/** `k3c images` */
import type { CommandDefinition } from '../command.ts';
import { flag, value, values } from '../flags/option.ts';
import { toFiltersAt } from '../flags/prune-filters.ts';
import { parseFilter } from '../flags/words.ts';
import { imageList, toImageRows } from '../output/images.ts';
import { FORMAT_HELP, formatUses, renderList } from '../output/rows.ts';
import { userFormat } from '../user-format.ts';

interface ImagesFlags {
  readonly all?: boolean;
  readonly digests?: boolean;
  readonly filter?: readonly (readonly [string, string])[];
  readonly format?: string;
  readonly quiet?: boolean;
  /** `--no-trunc` makes it false. */
  readonly trunc: boolean;
}

export const images: CommandDefinition<ImagesFlags> = {
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  operands: [0, 1],
  configure(command) {
    for (const option of [
      flag('-a, --all', 'Show all images (default hides intermediate images)'),
      flag('--digests', 'Show digests'),
      values('-f, --filter <filter>', 'Filter output based on conditions provided', parseFilter),
      value('--format <string>', FORMAT_HELP),
      flag('--no-trunc', "Don't truncate output"),
      flag('-q, --quiet', 'Only show image IDs'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, [repository], flags) {
    const format = flags.format ?? (flags.quiet === true ? undefined : await userFormat(context, 'imagesFormat'));
    const filters = [...(flags.filter ?? [])];
    if (repository !== undefined) filters.push(['reference', repository]);
    const client = await context.client();
    const { images: found } = await client.images.list(
      { all: flags.all === true, filters: toFiltersAt(filters, Date.now()) },
      { signal: context.signal },
    );
    const digests = flags.digests === true;
    const rows = toImageRows(found, {
      showDigests: digests,
      needDigests: digests || formatUses(format, 'Digest'),
    });
    const form = imageList({ truncate: flags.trunc, digests, now: Date.now() });
    context.stdout.write(renderList(rows, form, { quiet: flags.quiet, format }));
    return 0;
  },
};
