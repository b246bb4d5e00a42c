/** `k3c kill` */
import type { CommandDefinition } from '../command.ts';
import { forEachOperand } from '../each.ts';
import { value } from '../flags/option.ts';

interface KillFlags {
  readonly signal?: string;
}

export const kill: CommandDefinition<KillFlags> = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure(command) {
    command.addOption(value('-s, --signal <string>', 'Signal to send to the container'));
  },
  async run(context, operands, flags) {
    const { containers } = await context.client();
    return await forEachOperand(context, operands, async (container) => {
      await containers.kill({ container, signal: flags.signal ?? '' }, { signal: context.signal });
      return container;
    });
  },
};
