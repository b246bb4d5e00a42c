/** `k3c push` */
import { canonical, formatReference, parseReference } from '../../api/reference.ts';
import type { CommandDefinition } from '../command.ts';
import { flag } from '../flags/option.ts';
import { lacksTag, pushAllTags, pushImage, repositoryOnly } from '../transfer.ts';

interface PushFlags {
  readonly allTags?: boolean;
  readonly quiet?: boolean;
}

export const push: CommandDefinition<PushFlags> = {
  usage: '[OPTIONS] NAME[:TAG]',
  operands: [1, 1],
  configure(command) {
    command.addOption(flag('-a, --all-tags', 'Push all tags of an image to the repository'));
    command.addOption(flag('-q, --quiet', 'Suppress verbose output'));
  },
  async run(context, [reference = ''], flags) {
    const quiet = flags.quiet === true;
    if (flags.allTags === true) {
      const repository = repositoryOnly(reference);
      await pushAllTags(context, repository, quiet);
      if (quiet) context.stdout.write(`${repository}\n`);
      return 0;
    }
    if (lacksTag(reference) && !quiet) context.stdout.write('Using default tag: latest\n');
    await pushImage(context, reference, quiet);
    if (quiet) context.stdout.write(`${formatReference(canonical(parseReference(reference)))}\n`);
    return 0;
  },
};
