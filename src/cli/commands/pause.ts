/** `k3c pause` and `k3c unpause` */
import type { CommandDefinition } from '../command.ts';
import { forEachOperand } from '../each.ts';

export const pause: CommandDefinition = {
  usage: 'CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: () => undefined,
  async run(context, operands) {
    const { containers } = await context.client();
    return await forEachOperand(context, operands, async (container) => {
      await containers.pause({ container }, { signal: context.signal });
      return container;
    });
  },
};

export const unpause: CommandDefinition = {
  ...pause,
  async run(context, operands) {
    const { containers } = await context.client();
    return await forEachOperand(context, operands, async (container) => {
      await containers.unpause({ container }, { signal: context.signal });
      return container;
    });
  },
};
