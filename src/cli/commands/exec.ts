/** `k3c exec` */
import type { CommandDefinition } from '../command.ts';
import { checkVariable, readEnvironment } from '../flags/environment.ts';
import { flag, value, values } from '../flags/option.ts';
import { checkTty, exitCodeOfOutcome, serveInteractive } from '../interactive.ts';

interface ExecFlags {
  readonly detach?: boolean;
  readonly detachKeys?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly interactive?: boolean;
  readonly privileged?: boolean;
  readonly tty?: boolean;
  readonly user?: string;
  readonly workdir?: string;
}

export const exec: CommandDefinition<ExecFlags> = {
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  operands: [2, Number.POSITIVE_INFINITY],
  optionsFirst: true,
  invokes: true,
  configure(command) {
    for (const option of [
      flag('-d, --detach', 'Detached mode: run command in the background'),
      value('--detach-keys <string>', 'Override the key sequence for detaching a container'),
      values('-e, --env <list>', 'Set environment variables', checkVariable),
      values('--env-file <list>', 'Read in a file of environment variables'),
      flag('-i, --interactive', 'Keep STDIN open even if not attached'),
      flag('--privileged', 'Give extended privileges to the command'),
      flag('-t, --tty', 'Allocate a pseudo-TTY'),
      value('-u, --user <string>', 'Username or UID (format: "<name|uid>[:<group|gid>]")'),
      value('-w, --workdir <string>', 'Working directory inside the container'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, [container = '', ...command], flags) {
    const detach = flags.detach === true;
    const tty = flags.tty === true;
    const stdin = flags.interactive === true && !detach;
    if (!detach) checkTty(context, tty, stdin);
    const { columns, rows } = context.terminal.size();
    const { containers } = await context.client();
    const outcome = await serveInteractive(context, {
      call: containers.exec({ signal: context.signal }),
      open: {
        target: {
          $case: 'exec',
          value: {
            container,
            command,
            env: await readEnvironment(flags.envFile ?? [], flags.env ?? [], context.env, context.cwd),
            workingDir: flags.workdir ?? '',
            user: flags.user ?? '',
            tty,
            stdin,
            detach,
            privileged: flags.privileged === true,
            size: tty && columns > 0 ? { width: columns, height: rows } : undefined,
          },
        },
      },
      tty,
      stdin,
      stdout: !detach,
      stderr: !detach,
      detachKeys: flags.detachKeys,
      forwardSignals: false,
    });
    return exitCodeOfOutcome(context, outcome);
  },
};
