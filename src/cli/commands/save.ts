/** `k3c save` */
import type { SaveResponse } from '../../api/gen/k3c.ts';
import type { CommandDefinition } from '../command.ts';
import { value } from '../flags/option.ts';
import { refuseTerminal, writeOutput } from '../output-file.ts';

interface SaveFlags {
  readonly output?: string;
}

export const save: CommandDefinition<SaveFlags> = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure(command) {
    command.addOption(value('-o, --output <string>', 'Write to a file, instead of STDOUT'));
  },
  async run(context, images, flags) {
    refuseTerminal(context, flags.output);
    const client = await context.client();
    const answers = client.images.save({ images: [...images] }, { signal: context.signal });
    await writeOutput(context, flags.output, dataOf(answers), 'save image');
    return 0;
  },
};

async function* dataOf(answers: AsyncIterable<SaveResponse>): AsyncGenerator<Buffer> {
  for await (const { data } of answers) yield data;
}
