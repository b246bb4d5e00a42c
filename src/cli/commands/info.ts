/** `k3c info` */
import type { CommandDefinition } from '../command.ts';
import { value } from '../flags/option.ts';
import { clientInfo, type InfoDocument, infoText } from '../output/info.ts';
import { INSPECT_FORMAT_HELP } from '../output/inspect.ts';
import { inWords } from '../output/rows.ts';
import { compileTemplate } from '../output/template/template.ts';
import { fromJson, toJson } from '../output/template/values.ts';

interface InfoFlags {
  readonly format?: string;
}

export const info: CommandDefinition<InfoFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(value('-f, --format <string>', INSPECT_FORMAT_HELP));
  },
  async run(context, _operands, flags) {
    const { format = '' } = flags;
    const template = format === '' || format === 'json' ? undefined : inWords(() => compileTemplate(format));
    if (format === '') context.stdout.write(`Client:\n${clientInfo(context.address)}\nServer:\n`);
    const { system } = await context.client();
    const { document } = await system.info({}, { signal: context.signal });
    const server = fromJson(document.toString('utf8')) as InfoDocument;
    if (format === '') {
      context.stdout.write(infoText(server));
      for (const warning of server.Warnings ?? []) context.stderr.write(`${warning}\n`);
    } else {
      const whole = { ...server, ClientInfo: { Address: context.address } };
      context.stdout.write(`${template === undefined ? toJson(whole) : inWords(() => template.execute(whole))}\n`);
    }
    return 0;
  },
};
