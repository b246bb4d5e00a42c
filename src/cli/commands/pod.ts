/** `k3c pod ls`, `start`, `stop`, `restart`, `rm` and `prune`; create is in pod-create.ts, inspect in inspect.ts. */
import { Code, hasCode } from '../../api/errors.ts';
import type { K3cClient } from '../../client/client.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { type EachOptions, forEachOperand } from '../each.ts';
import { flag, value, values } from '../flags/option.ts';
import { type StoppingFlags, timeoutFlags } from '../flags/stopping.ts';
import { parseFilter, toFilters } from '../flags/words.ts';
import { podList } from '../output/pods.ts';
import { FORMAT_HELP, renderList } from '../output/rows.ts';
import { pruneCommand, removalWarning } from '../prune-command.ts';
import { prunePods } from '../pruning.ts';

interface ListFlags {
  readonly all?: boolean;
  readonly filter?: readonly (readonly [string, string])[];
  readonly format?: string;
  readonly quiet?: boolean;
  /** `--no-trunc` makes it false. */
  readonly trunc: boolean;
}

export const podLs: CommandDefinition<ListFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    for (const option of [
      flag('-a, --all', 'Show the pods of single containers too'),
      values('-f, --filter <filter>', 'Filter output based on conditions provided', parseFilter),
      value('--format <string>', FORMAT_HELP),
      flag('--no-trunc', "Don't truncate output"),
      flag('-q, --quiet', 'Only display pod IDs'),
    ])
      command.addOption(option);
  },
  async run(context, _operands, flags) {
    const { pods } = await context.client();
    const found = await pods.list(
      { all: flags.all === true, filters: toFilters(flags.filter ?? []) },
      { signal: context.signal },
    );
    const newestFirst = found.pods.toSorted((a, b) => Number(b.createdAt - a.createdAt));
    const form = podList({ truncate: flags.trunc, now: Date.now() });
    context.stdout.write(renderList(newestFirst, form, { quiet: flags.quiet, format: flags.format }));
    return 0;
  },
};

type Act = (pods: K3cClient['pods'], pod: string, context: CommandContext) => Promise<unknown>;

/** One act for each operand, which is printed when it is done. */
async function forEachPod(
  context: CommandContext,
  operands: readonly string[],
  act: Act,
  options?: EachOptions,
): Promise<number> {
  const { pods } = await context.client();
  const done = async (pod: string) => {
    await act(pods, pod, context);
    return pod;
  };
  return await forEachOperand(context, operands, done, options);
}

const start: Act = (pods, pod, { signal }) => pods.start({ pod }, { signal });
const stopIn =
  (timeout: number | undefined): Act =>
  (pods, pod, { signal }) =>
    pods.stop({ pod, timeout }, { signal });

export const podStart: CommandDefinition = {
  usage: 'POD [POD...]',
  details: 'Each gets a new sandbox, and all its containers start in it, each a fresh one.',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: () => undefined,
  run: (context, operands) => forEachPod(context, operands, start),
};

export const podStop: CommandDefinition<StoppingFlags> = {
  usage: '[OPTIONS] POD [POD...]',
  details: 'Its containers stop, and its address and published ports are free again.',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: timeoutFlags,
  run: (context, operands, { timeout }) => forEachPod(context, operands, stopIn(timeout)),
};

export const podRestart: CommandDefinition<StoppingFlags> = {
  usage: '[OPTIONS] POD [POD...]',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: timeoutFlags,
  run: (context, operands, { timeout }) =>
    forEachPod(context, operands, async (...pod) => {
      await stopIn(timeout)(...pod);
      await start(...pod);
    }),
};

interface RmFlags {
  readonly force?: boolean;
}

export const podRm: CommandDefinition<RmFlags> = {
  usage: '[OPTIONS] POD [POD...]',
  details: 'Its containers go with it. One whose containers run is removed by force only.',
  operands: [1, Number.POSITIVE_INFINITY],
  configure: (command) =>
    void command.addOption(flag('-f, --force', 'Force the removal of running containers (uses SIGKILL)')),
  run(context, operands, { force = false }) {
    const remove: Act = (pods, pod, { signal }) => pods.remove({ pod, force }, { signal });
    // What is not there is as good as removed, as with containers.
    const forgives: EachOptions['forgives'] = (error) => force && hasCode(error, Code.NOT_FOUND);
    return forEachPod(context, operands, remove, { forgives });
  },
};

export const podPrune = pruneCommand({
  warning: () => removalWarning('all pods that do not run, with their containers'),
  prune: prunePods,
});
