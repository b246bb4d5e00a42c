/** `k3c diff` */
import type { CommandDefinition } from '../command.ts';
import { BatchWriter } from '../output/batch.ts';

export const diff: CommandDefinition = {
  usage: 'CONTAINER',
  operands: [1, 1],
  configure() {
    // docker has no flags here.
  },
  async run(context, [container = '']) {
    const client = await context.client();
    const writer = new BatchWriter(context.stdout);
    for await (const { changes } of client.containers.diff({ container }, { signal: context.signal })) {
      const lines = changes.map(({ kind, path }) => `${kind} ${path}\n`);
      await writer.write(Buffer.from(lines.join('')));
    }
    await writer.flush();
    return 0;
  },
};
