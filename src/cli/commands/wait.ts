/** `k3c wait` */
import type { CommandDefinition } from '../command.ts';
import { forEachOperand } from '../each.ts';

export const wait: CommandDefinition = {
  usage: 'CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: () => undefined,
  async run(context, operands) {
    const { containers } = await context.client();
    return await forEachOperand(context, operands, async (container) => {
      const { exitCode } = await containers.wait({ container, condition: '' }, { signal: context.signal });
      return String(exitCode);
    });
  },
};
