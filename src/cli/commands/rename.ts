/** `k3c rename` */
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';
import { errorSentence, isAbort } from '../exit.ts';

export const rename: CommandDefinition = {
  usage: 'CONTAINER NEW_NAME',
  operands: [2, 2],
  configure: () => undefined,
  async run(context, operands) {
    const [container = '', name = ''] = operands.map((operand) => operand.trim());
    if (container === '' || name === '') throw new CliError('Error: Neither old nor new names may be empty');
    const { containers } = await context.client();
    try {
      await containers.rename({ container, name }, { signal: context.signal });
      return 0;
    } catch (error) {
      if (isAbort(error)) throw error;
      // docker says both, in this order.
      context.stderr.write(`${errorSentence(error)}\n`);
      throw new CliError(`Error: failed to rename container named ${container}`);
    }
  },
};
