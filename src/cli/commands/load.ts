/** `k3c load` */
import { familiar } from '../../api/reference.ts';
import { sendFile } from '../../client/upload.ts';
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';
import { flag, value } from '../flags/option.ts';
import { openInput } from '../input-file.ts';

interface LoadFlags {
  readonly input?: string;
}

export const load: CommandDefinition<LoadFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(value('-i, --input <string>', 'Read from tar archive file, instead of STDIN'));
    // docker's leaves out the progress, which there is none of here, and never the names: scripts read them.
    command.addOption(flag('-q, --quiet', 'Suppress the load output'));
  },
  async run(context, _operands, flags) {
    if (flags.input === undefined && context.terminal.isTty.stdin) {
      throw new CliError('requested load from stdin, but stdin is empty');
    }
    const input = await openInput(context, flags.input ?? '-');
    const client = await context.client();
    const call = client.images.load({ signal: context.signal });
    for await (const { references } of sendFile(call, input, (data) => ({ data }))) {
      for (const reference of references) {
        const digest = /^(?:[^@]*@)?(sha256:[0-9a-f]{64})$/.exec(reference)?.[1];
        context.stdout.write(
          digest === undefined ? `Loaded image: ${familiar(reference)}\n` : `Loaded image ID: ${digest}\n`,
        );
      }
    }
    return 0;
  },
};
