/** `k3c commit` */
import type { CommandDefinition } from '../command.ts';
import { flag, flagOn, value, values } from '../flags/option.ts';

interface CommitFlags {
  readonly author?: string;
  readonly change?: readonly string[];
  readonly message?: string;
  /** `--no-pause` makes it false. */
  readonly pause: boolean;
}

export const commit: CommandDefinition<CommitFlags> = {
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  operands: [1, 2],
  configure(command) {
    for (const option of [
      value('-a, --author <string>', 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
      values('-c, --change <list>', 'Apply Dockerfile instruction to the created image'),
      value('-m, --message <string>', 'Commit message'),
      flag('--no-pause', 'Disable pausing container during commit'),
      flagOn('-p, --pause', 'Pause container during commit'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, [container = '', reference = ''], flags) {
    const client = await context.client();
    const { id } = await client.containers.commit(
      {
        container,
        reference,
        author: flags.author ?? '',
        message: flags.message ?? '',
        changes: [...(flags.change ?? [])],
        noPause: !flags.pause,
      },
      { signal: context.signal },
    );
    context.stdout.write(`${id}\n`);
    return 0;
  },
};
