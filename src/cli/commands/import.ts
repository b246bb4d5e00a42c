/** `k3c import` */
import type { ImportRequest } from '../../api/gen/k3c.ts';
import { sendFile } from '../../client/upload.ts';
import type { CommandDefinition } from '../command.ts';
import { download, withoutUser } from '../download.ts';
import { value, values } from '../flags/option.ts';
import { openInput } from '../input-file.ts';

interface ImportFlags {
  readonly change?: readonly string[];
  readonly message?: string;
}

export const importImage: CommandDefinition<ImportFlags> = {
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  operands: [1, 2],
  configure(command) {
    command.addOption(values('-c, --change <list>', 'Apply Dockerfile instruction to the created image'));
    command.addOption(value('-m, --message <string>', 'Set commit message for imported image'));
  },
  async run(context, [file = '', reference = ''], flags) {
    const isUrl = /^https?:\/\//.test(file);
    const input = isUrl ? await download(context, file) : await openInput(context, file);
    const client = await context.client();
    const call = client.images.import({ signal: context.signal });
    const message = flags.message ?? (isUrl ? `Imported from ${withoutUser(file)}` : '');
    const open = { reference, message, changes: [...(flags.change ?? [])] };
    const first: ImportRequest = { part: { $case: 'open', value: open } };
    const toPart = (data: Buffer): ImportRequest => ({ part: { $case: 'data', value: data } });
    for await (const { id } of sendFile(call, input, toPart, first)) context.stdout.write(`${id}\n`);
    return 0;
  },
};
