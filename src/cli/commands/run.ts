/** `k3c run` */
import type { StreamOpen } from '../../api/gen/k3c.ts';
import type { CommandDefinition } from '../command.ts';
import { addContainerFlags, type ContainerFlags, toContainerSpec } from '../container-flags/container-flags.ts';
import { withImage } from '../ensure-image.ts';
import { CliError } from '../errors.ts';
import { Exit } from '../exit.ts';
import { parseDetachKeys } from '../flags/detach-keys.ts';
import { flag, flagOn, value, values } from '../flags/option.ts';
import { parseStream } from '../flags/words.ts';
import { openIdFile } from '../id-file.ts';
import { checkTty, exitCodeOfOutcome, serveInteractive } from '../interactive.ts';

interface RunFlags extends ContainerFlags {
  readonly attach?: readonly string[];
  readonly detach?: boolean;
  readonly detachKeys?: string;
  readonly sigProxy: boolean;
}

export const run: CommandDefinition<RunFlags> = {
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  operands: [1, Number.POSITIVE_INFINITY],
  optionsFirst: true,
  failure: Exit.OWN,
  invokes: true,
  configure(command) {
    addContainerFlags(command);
    for (const option of [
      values('-a, --attach <list>', 'Attach to STDIN, STDOUT or STDERR', parseStream),
      flag('-d, --detach', 'Run container in background and print container ID'),
      value('--detach-keys <string>', 'Override the key sequence for detaching a container'),
      flagOn('--sig-proxy', 'Proxy received signals to the process'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, operands, flags) {
    const detach = flags.detach === true;
    const tty = flags.tty === true;
    const attached = attachedStreams(flags);
    if (detach && flags.attach !== undefined) {
      throw new CliError('conflicting options: cannot specify both --attach and --detach', { exitCode: 1 });
    }
    if (!detach) checkTty(context, tty, attached.stdin);
    parseDetachKeys(flags.detachKeys);
    const spec = await toContainerSpec(context, operands, flags);
    spec.openStdin ||= attached.stdin;
    const cidFile = await openIdFile(flags.cidfile, context.cwd);
    const open: StreamOpen = {
      target: { $case: 'run', value: { create: { name: flags.name ?? '', spec }, detach, ...attached } },
    };
    try {
      const client = await context.client();
      const outcome = await withImage(
        context,
        { image: spec.image, platform: spec.platform, pull: flags.pull, quiet: flags.quiet === true },
        () =>
          serveInteractive(context, {
            call: client.containers.run({ signal: context.signal }),
            open,
            tty,
            ...attached,
            detachKeys: flags.detachKeys,
            forwardSignals: !detach && flags.sigProxy,
            kill: (container, signal) => client.containers.kill({ container, signal }),
            async onCreated({ id, warnings }) {
              for (const warning of warnings) context.stderr.write(`WARNING: ${warning}\n`);
              await cidFile.write(id);
              if (!attached.stdin && !attached.stdout && !attached.stderr) context.stdout.write(`${id}\n`);
            },
          }),
      );
      return exitCodeOfOutcome(context, outcome);
    } finally {
      await cidFile.close();
    }
  },
};

/** Which streams are attached: none with -d, those of -a, else output and, with -i, input. */
function attachedStreams(flags: RunFlags): { stdin: boolean; stdout: boolean; stderr: boolean } {
  if (flags.detach === true) return { stdin: false, stdout: false, stderr: false };
  const named = flags.attach;
  if (named === undefined) return { stdin: flags.interactive === true, stdout: true, stderr: true };
  return { stdin: named.includes('stdin'), stdout: named.includes('stdout'), stderr: named.includes('stderr') };
}
