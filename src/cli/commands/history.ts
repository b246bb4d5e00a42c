/** `k3c history` */
import type { CommandDefinition } from '../command.ts';
import { flag, flagOn, value } from '../flags/option.ts';
import { historyList } from '../output/history.ts';
import { FORMAT_HELP, renderList } from '../output/rows.ts';

interface HistoryFlags {
  readonly format?: string;
  readonly human: boolean;
  readonly quiet?: boolean;
  /** `--no-trunc` makes it false. */
  readonly trunc: boolean;
}

export const history: CommandDefinition<HistoryFlags> = {
  usage: '[OPTIONS] IMAGE',
  operands: [1, 1],
  configure(command) {
    for (const option of [
      value('--format <string>', FORMAT_HELP),
      flagOn('-H, --human', 'Print sizes and dates in human readable format'),
      flag('--no-trunc', "Don't truncate output"),
      flag('-q, --quiet', 'Only show image IDs'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, [image = ''], flags) {
    const { images } = await context.client();
    const { entries } = await images.history({ image }, { signal: context.signal });
    const form = historyList({ truncate: flags.trunc, human: flags.human, now: Date.now() });
    context.stdout.write(renderList(entries, form, { quiet: flags.quiet, format: flags.format }));
    return 0;
  },
};
