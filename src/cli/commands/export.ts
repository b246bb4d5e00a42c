/** `k3c export` */
import type { ExportResponse } from '../../api/gen/k3c.ts';
import type { CommandDefinition } from '../command.ts';
import { value } from '../flags/option.ts';
import { refuseTerminal, writeOutput } from '../output-file.ts';

interface ExportFlags {
  readonly output?: string;
}

export const exportContainer: CommandDefinition<ExportFlags> = {
  usage: '[OPTIONS] CONTAINER',
  operands: [1, 1],
  configure(command) {
    command.addOption(value('-o, --output <string>', 'Write to a file, instead of STDOUT'));
  },
  async run(context, [container = ''], flags) {
    refuseTerminal(context, flags.output);
    const client = await context.client();
    const answers = client.containers.export({ container }, { signal: context.signal });
    await writeOutput(context, flags.output, dataOf(answers), 'export container');
    return 0;
  },
};

async function* dataOf(answers: AsyncIterable<ExportResponse>): AsyncGenerator<Buffer> {
  for await (const { data } of answers) yield data;
}
