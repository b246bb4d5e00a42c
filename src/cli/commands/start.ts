/** `k3c start` */
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { forEachOperand } from '../each.ts';
import { CliError } from '../errors.ts';
import { flag, value } from '../flags/option.ts';
import { inspectState } from '../inspected.ts';
import { checkTty, exitCodeOfOutcome, serveInteractive } from '../interactive.ts';

interface StartFlags {
  readonly attach?: boolean;
  readonly interactive?: boolean;
  readonly detachKeys?: string;
}

export const start: CommandDefinition<StartFlags> = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure(command) {
    for (const option of [
      flag('-a, --attach', 'Attach STDOUT/STDERR and forward signals'),
      value('--detach-keys <string>', 'Override the key sequence for detaching a container'),
      flag('-i, --interactive', "Attach container's STDIN"),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, operands, flags) {
    const [first = '', ...others] = operands;
    if (flags.attach === true || flags.interactive === true) {
      if (others.length > 0) throw new CliError('you cannot start and attach multiple containers at once');
      return await startAttached(context, first, flags);
    }
    const { containers } = await context.client();
    const failed = new Set<string>();
    const exitCode = await forEachOperand(context, operands, async (container) => {
      try {
        await containers.start({ container }, { signal: context.signal });
        return container;
      } catch (error) {
        failed.add(container);
        throw error;
      }
    });
    const named = operands.filter((container) => failed.has(container));
    if (named.length > 0) context.stderr.write(`Error: failed to start containers: ${named.join(', ')}\n`);
    return exitCode;
  },
};

async function startAttached(context: CommandContext, container: string, flags: StartFlags): Promise<number> {
  const { tty, openStdin } = await inspectState(context, container);
  const { containers } = await context.client();
  const streams = { stdin: flags.interactive === true && openStdin, stdout: true, stderr: true };
  checkTty(context, tty, streams.stdin);
  const outcome = await serveInteractive(context, {
    call: containers.attach({ signal: context.signal }),
    open: { target: { $case: 'attach', value: { container, start: true, logs: false, ...streams } } },
    tty,
    ...streams,
    detachKeys: flags.detachKeys,
    forwardSignals: !tty,
    kill: (id, signal) => containers.kill({ container: id, signal }),
  });
  return exitCodeOfOutcome(context, outcome);
}
