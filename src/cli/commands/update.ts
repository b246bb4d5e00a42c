/** `k3c update` */
import type { CommandDefinition } from '../command.ts';
import { type LimitFlags, limitFlags, toResources } from '../container-flags/resources.ts';
import { forEachOperand } from '../each.ts';
import { CliError } from '../errors.ts';
import { value } from '../flags/option.ts';
import { parseRestart } from '../flags/words.ts';

interface UpdateFlags extends LimitFlags {
  readonly restart?: string;
}

export const update: CommandDefinition<UpdateFlags> = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure(command) {
    for (const option of [
      ...limitFlags(),
      value('--restart <string>', 'Restart policy to apply when a container exits'),
    ])
      command.addOption(option);
  },
  async run(context, operands, flags) {
    const resources = toResources(flags);
    if (resources === undefined && flags.restart === undefined)
      throw new CliError('you must provide one or more flags when using this command');
    const restart = toRestart(flags.restart);
    const { containers } = await context.client();
    const warnings: string[] = [];
    const code = await forEachOperand(context, operands, async (container) => {
      const answer = await containers.update({ container, resources, restart }, { signal: context.signal });
      warnings.push(...answer.warnings);
      return container;
    });
    // On stdout, as docker has them.
    if (warnings.length > 0) context.stdout.write(`${warnings.join('\n')}\n`);
    return code;
  },
};

function toRestart(text: string | undefined) {
  if (text === undefined || text === '') return undefined;
  try {
    return parseRestart(text);
  } catch (cause) {
    throw new CliError((cause as Error).message, { cause });
  }
}
