/** `k3c attach` */
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';
import { flag, flagOn, value } from '../flags/option.ts';
import { inspectState } from '../inspected.ts';
import { checkTty, exitCodeOfOutcome, serveInteractive } from '../interactive.ts';

interface AttachFlags {
  readonly detachKeys?: string;
  /** `--no-stdin` makes it false. */
  readonly stdin: boolean;
  readonly sigProxy: boolean;
}

export const attach: CommandDefinition<AttachFlags> = {
  usage: '[OPTIONS] CONTAINER',
  operands: [1, 1],
  configure(command) {
    for (const option of [
      value('--detach-keys <string>', 'Override the key sequence for detaching a container'),
      flag('--no-stdin', 'Do not attach STDIN'),
      flagOn('--sig-proxy', 'Proxy all received signals to the process'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, [container = ''], flags) {
    const state = await inspectState(context, container);
    if (!state.running) throw new CliError('cannot attach to a stopped container, start it first');
    if (state.paused) throw new CliError('cannot attach to a paused container, unpause it first');
    if (state.restarting) throw new CliError('cannot attach to a restarting container, wait until it is running');
    const streams = { stdin: flags.stdin && state.openStdin, stdout: true, stderr: true };
    checkTty(context, state.tty, flags.stdin);
    const { containers } = await context.client();
    const outcome = await serveInteractive(context, {
      call: containers.attach({ signal: context.signal }),
      open: { target: { $case: 'attach', value: { container, start: false, logs: false, ...streams } } },
      tty: state.tty,
      ...streams,
      detachKeys: flags.detachKeys,
      forwardSignals: flags.sigProxy && !state.tty,
      kill: (id, signal) => containers.kill({ container: id, signal }),
      redraw: true,
    });
    // docker says so, and counts it as a failure of attach.
    if (outcome.kind === 'detached') throw new CliError('read escape sequence');
    return exitCodeOfOutcome(context, outcome);
  },
};
