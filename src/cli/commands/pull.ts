/** `k3c pull` */
import type { CommandDefinition } from '../command.ts';
import { flag, value } from '../flags/option.ts';
import { lacksTag, pullAllTags, pullImage, repositoryOnly } from '../transfer.ts';

interface PullFlags {
  readonly allTags?: boolean;
  readonly platform?: string;
  readonly quiet?: boolean;
}

export const pull: CommandDefinition<PullFlags> = {
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  operands: [1, 1],
  configure(command) {
    command.addOption(flag('-a, --all-tags', 'Download all tagged images in the repository'));
    command.addOption(value('--platform <string>', 'Set platform if server is multi-platform capable'));
    command.addOption(flag('-q, --quiet', 'Suppress verbose output'));
  },
  async run(context, [reference = ''], flags) {
    const quiet = flags.quiet === true;
    if (flags.allTags === true) {
      const repository = repositoryOnly(reference);
      await pullAllTags(context, { reference: repository, platform: flags.platform, quiet, output: 'stdout' });
      context.stdout.write(`${repository}\n`);
      return 0;
    }
    if (lacksTag(reference) && !quiet) context.stdout.write('Using default tag: latest\n');
    const name = await pullImage(context, { reference, platform: flags.platform, quiet, output: 'stdout' });
    context.stdout.write(`${name}\n`);
    return 0;
  },
};
