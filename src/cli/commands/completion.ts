/** `k3c completion`, and the hidden `k3c __complete` that its scripts ask. */
import type { CommandDefinition } from '../command.ts';
import { type Commands, complete } from '../completion/complete.ts';
import { daemonLookup } from '../completion/lookup.ts';
import { scriptOf, shells } from '../completion/scripts.ts';
import { CliError } from '../errors.ts';

export const completion: CommandDefinition = {
  usage: 'SHELL',
  operands: [1, 1],
  configure: () => undefined,
  async run(context, [shell = '']) {
    const script = scriptOf(shell);
    if (script === undefined) throw new CliError(`no completion for the shell '${shell}': use ${shells.join(', ')}`);
    context.stdout.write(script);
    return 0;
  },
};

/** Prints what may stand in the place of the last word, a line each, and `:files` or `:` last. */
export function completeCommand(commands: Commands): CommandDefinition {
  return {
    usage: '[WORD...]',
    operands: [0, Number.POSITIVE_INFINITY],
    optionsFirst: true,
    configure: () => undefined,
    async run(context, words) {
      const { candidates, files } = await complete(words, commands, daemonLookup(context));
      for (const { word, about } of candidates) context.stdout.write(`${word}\t${about}\n`);
      context.stdout.write(files ? ':files\n' : ':\n');
      return 0;
    },
  };
}
