/** `k3c tag` */
import type { CommandDefinition } from '../command.ts';

export const tag: CommandDefinition = {
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  operands: [2, 2],
  configure: () => undefined,
  async run(context, [source = '', target = '']) {
    const { images } = await context.client();
    await images.tag({ source, target }, { signal: context.signal });
    return 0;
  },
};
