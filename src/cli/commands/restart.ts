/** `k3c restart` */
import type { CommandDefinition } from '../command.ts';
import { forEachOperand } from '../each.ts';
import { value } from '../flags/option.ts';
import { parseInteger } from '../flags/sizes.ts';

interface RestartFlags {
  readonly signal?: string;
  readonly timeout?: number;
}

export const restart: CommandDefinition<RestartFlags> = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure(command) {
    for (const option of [
      value('-s, --signal <string>', 'Signal to send to the container'),
      value('-t, --timeout <int>', 'Seconds to wait before killing the container', parseInteger),
      value('--time <int>', 'The same, by its old name', parseInteger).hideHelp(),
    ]) {
      command.addOption(option);
    }
    command.on('option:time', () => command.setOptionValue('timeout', command.getOptionValue('time')));
  },
  async run(context, operands, flags) {
    const { containers } = await context.client();
    return await forEachOperand(
      context,
      operands,
      async (container) => {
        await containers.restart(
          { container, timeout: flags.timeout, signal: flags.signal ?? '' },
          { signal: context.signal },
        );
        return container;
      },
      { inOrder: true },
    );
  },
};
