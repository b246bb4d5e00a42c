/** `k3c rm` */
import { Code, hasCode } from '../../api/errors.ts';
import type { CommandDefinition } from '../command.ts';
import { forEachOperand } from '../each.ts';
import { CliError } from '../errors.ts';
import { flag } from '../flags/option.ts';

interface RmFlags {
  readonly force?: boolean;
  readonly link?: boolean;
  readonly volumes?: boolean;
}

export const rm: CommandDefinition<RmFlags> = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure(command) {
    command.addOption(flag('-f, --force', 'Force the removal of a running container (uses SIGKILL)'));
    command.addOption(flag('-l, --link', 'Remove the specified link'));
    command.addOption(flag('-v, --volumes', 'Remove anonymous volumes associated with the container'));
  },
  async run(context, operands, flags) {
    if (flags.link === true)
      throw new CliError('--link: k3c has no links between containers; leave it away to remove the container');
    const { containers } = await context.client();
    const force = flags.force === true;
    return await forEachOperand(
      context,
      operands,
      async (container) => {
        await containers.remove({ container, force, volumes: flags.volumes === true }, { signal: context.signal });
        return container;
      },
      // What is not there is as good as removed; docker says so and exits with 0.
      { forgives: (error) => force && hasCode(error, Code.NOT_FOUND) },
    );
  },
};
