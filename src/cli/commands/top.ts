/** `k3c top` */
import type { CommandDefinition } from '../command.ts';
import { alignTabs } from '../output/tabs.ts';

/** Of a column, as docker's client has it. */
const LEAST_WIDTH = 20;

export const top: CommandDefinition = {
  usage: 'CONTAINER [ps OPTIONS]',
  operands: [1, Number.POSITIVE_INFINITY],
  optionsFirst: true,
  configure: () => undefined,
  async run(context, [container = '', ...psOptions]) {
    const { containers } = await context.client();
    const { titles, processes } = await containers.top({ container, psOptions }, { signal: context.signal });
    const rows = [titles, ...processes.map(({ values }) => values)];
    context.stdout.write(`${alignTabs(rows.map((values) => values.join('\t')).join('\n'), LEAST_WIDTH)}\n`);
    return 0;
  },
};
