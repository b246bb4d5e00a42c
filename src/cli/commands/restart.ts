/** `k3c restart` */
import type { CommandDefinition } from '../command.ts';
import { forEachOperand } from '../each.ts';
import { type StoppingFlags, stoppingFlags } from '../flags/stopping.ts';

export const restart: CommandDefinition<StoppingFlags> = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: stoppingFlags,
  async run(context, operands, flags) {
    const { containers } = await context.client();
    return await forEachOperand(context, operands, async (container) => {
      await containers.restart(
        { container, timeout: flags.timeout, signal: flags.signal ?? '' },
        { signal: context.signal },
      );
      return container;
    });
  },
};
