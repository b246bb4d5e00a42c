/** `k3c rmi` */
import { Code, hasCode, K3cError } from '../../api/errors.ts';
import type { CommandDefinition } from '../command.ts';
import { errorSentence, isAbort } from '../exit.ts';
import { flag } from '../flags/option.ts';

interface RmiFlags {
  readonly force?: boolean;
}

export const rmi: CommandDefinition<RmiFlags> = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure(command) {
    command.addOption(flag('-f, --force', 'Force removal of the image'));
    // Images that only a removed one was made from do not exist here: none is ever removed along with another.
    command.addOption(flag('--no-prune', 'Do not delete untagged parents'));
  },
  async run(context, operands, flags) {
    const { images } = await context.client();
    const force = flags.force === true;
    let failed = false;
    // One after the other: what the first removes decides what the next one finds.
    for (const image of operands) {
      try {
        const { untagged, deleted } = await images.remove({ image, force }, { signal: context.signal });
        for (const name of untagged) context.stdout.write(`Untagged: ${name}\n`);
        for (const id of deleted) context.stdout.write(`Deleted: ${id}\n`);
      } catch (error) {
        if (isAbort(error) || hasCode(error, Code.UNAVAILABLE)) throw error;
        context.stderr.write(`${errorSentence(error)}\n`);
        if (error instanceof K3cError && error.hint !== undefined) context.stderr.write(`hint: ${error.hint}\n`);
        // With -f an image that is not there is told of, but is no failure.
        if (!force || !hasCode(error, Code.NOT_FOUND)) failed = true;
      }
    }
    return failed ? 1 : 0;
  },
};
