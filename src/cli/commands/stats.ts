/** `k3c stats` */
import { Code, hasCode } from '../../api/errors.ts';
import type { ContainerStats } from '../../api/gen/k3c.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { errorSentence } from '../exit.ts';
import { flag, value } from '../flags/option.ts';
import { FORMAT_HELP, renderList } from '../output/rows.ts';
import { CLEAR, statsList, toFrame } from '../output/stats.ts';
import { userFormat } from '../user-format.ts';

interface StatsFlags {
  readonly all?: boolean;
  readonly format?: string;
  /** `--no-stream` makes it false. */
  readonly stream: boolean;
  /** `--no-trunc` makes it false. */
  readonly trunc: boolean;
}

export const stats: CommandDefinition<StatsFlags> = {
  usage: '[OPTIONS] [CONTAINER...]',
  operands: [0, Number.POSITIVE_INFINITY],
  configure(command) {
    for (const option of [
      flag('-a, --all', 'Show all containers (default shows just running)'),
      value('--format <string>', FORMAT_HELP),
      flag('--no-stream', 'Disable streaming stats and only pull the first result'),
      flag('--no-trunc', 'Do not truncate output'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, names, flags) {
    const form = statsList(flags.trunc);
    const format = flags.format ?? (await userFormat(context, 'statsFormat'));
    const render = (samples: readonly ContainerStats[]) => renderList(samples, form, { format });
    // A template that is wrong is told before there is anything to wait for.
    render([]);
    const once = !flags.stream;
    const { containers } = await context.client();
    const samples = containers.stats(
      { containers: [...new Set(names)], all: flags.all === true, once },
      { signal: context.signal },
    );
    try {
      if (!once) return await view(context, samples, render, names.length > 0);
      for await (const { containers: list } of samples) context.stdout.write(render(list));
    } catch (error) {
      if (!hasCode(error, Code.NOT_FOUND) || names.length < 2) throw error;
      return await tellMissing(context, names, error);
    }
    return 0;
  },
};

/** The daemon names the first of several that are not there; docker names each. */
async function tellMissing(context: CommandContext, names: readonly string[], told: unknown): Promise<number> {
  const { containers } = await context.client();
  const look = (container: string) => containers.inspect({ container, size: false }, { signal: context.signal });
  const results = await Promise.allSettled(names.map(look));
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  // Made since: what the daemon said is all there is to tell.
  for (const reason of reasons.length > 0 ? reasons : [told]) context.stderr.write(`${errorSentence(reason)}\n`);
  return 1;
}

/** Draws every sample over the one before, and again when the terminal changes its size. */
async function view(
  context: CommandContext,
  samples: AsyncIterable<{ readonly containers: readonly ContainerStats[] }>,
  render: (samples: readonly ContainerStats[]) => string,
  named: boolean,
): Promise<number> {
  let text: string | undefined;
  const draw = () => {
    // A terminal that stands still (^S) gets none: they would pile up, in the memory of the daemon where it does the command.
    if (text === undefined || context.stdout.writableNeedDrain) return;
    const size = context.terminal.isTty.stdout ? context.terminal.size() : { columns: 0, rows: 0 };
    context.stdout.write(toFrame(text, size));
  };
  const stop = context.terminal.onResize(draw);
  try {
    for await (const { containers } of samples) {
      if (named && containers.length === 0) break;
      text = render(containers);
      draw();
    }
  } finally {
    stop();
  }
  context.stdout.write(CLEAR);
  return 0;
}
