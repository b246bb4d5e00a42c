/** `k3c tag` */
import { parseReference } from '../../api/reference.ts';
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';

/** Throws CliError with docker's sentence. */
function checkTarget(target: string): void {
  try {
    parseReference(target);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new CliError(`Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${why}`, {
      cause,
    });
  }
}

export const tag: CommandDefinition = {
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  operands: [2, 2],
  configure: () => undefined,
  async run(context, [source = '', target = '']) {
    checkTarget(target);
    const { images } = await context.client();
    await images.tag({ source, target }, { signal: context.signal });
    return 0;
  },
};
