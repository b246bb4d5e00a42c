/** `docker top`: the processes of a container as the host sees them. */
import { Code, K3cError } from '../../../../api/errors.ts';
import { type RunResult, runProcess } from '../../../../host/process.ts';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EngineContext } from '../context.ts';
import { notRunning } from '../identity.ts';
import { visibleState } from '../summary.ts';
import { procTable } from './proc-table.ts';
import { checkPsOptions, type ProcessTable, parsePsOutput } from './ps-output.ts';

/**
 * Lists the processes. Without options it is made here; with options the host's ps makes it, if there is one.
 * @param options of ps, as typed
 */
export async function topContainer(
  context: Pick<EngineContext, 'containerd'>,
  record: ContainerRecord,
  options: readonly string[],
  signal: AbortSignal,
): Promise<ProcessTable> {
  // docker joins them and cuts the text at every space, so that one word may hold several options.
  const line = options.join(' ');
  checkPsOptions(line);
  const state = visibleState(record);
  if (state === 'restarting')
    throw new K3cError(
      Code.FAILED_PRECONDITION,
      `Container ${record.id} is restarting, wait until the container is running`,
    );
  if (state !== 'running' && state !== 'paused') throw notRunning(record);
  const { processes } = await context.containerd.tasks.listPids({ containerId: record.criId }, { signal });
  const pids = processes.map(({ pid }) => pid);
  return line === '' ? await procTable(pids) : await hostPs(line.split(' '), pids, signal);
}

async function hostPs(words: readonly string[], pids: readonly number[], signal: AbortSignal): Promise<ProcessTable> {
  // Some options of ps (f, aux) do not go together with -q: then it lists all, and the rest is filtered out.
  const only = onlyPids(pids);
  let result = only === undefined ? undefined : await runPs([...words, only], signal);
  if (result?.code !== 0) result = await runPs(words, signal);
  if (result.code !== 0) {
    const [reason = ''] = result.stderr.toString('utf8').split('\n');
    throw new K3cError(Code.INVALID_ARGUMENT, `ps: ${reason === '' ? `exit status ${result.code}` : reason}`);
  }
  return parsePsOutput(result.stdout.toString('utf8'), new Set(pids));
}

/** MAX_ARG_STRLEN of Linux (binfmts.h): no argument may be longer, its NUL counted. */
const LONGEST_ARGUMENT = 128 << 10;

/** ps' option for these processes alone; undefined where there are too many for one argument. */
export function onlyPids(pids: readonly number[]): string | undefined {
  const option = `-q${pids.join(',')}`;
  return option.length < LONGEST_ARGUMENT ? option : undefined;
}

async function runPs(args: readonly string[], signal: AbortSignal): Promise<RunResult> {
  try {
    return await runProcess('ps', args, { signal });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new K3cError(Code.FAILED_PRECONDITION, 'ps: executable file not found in $PATH', {
      hint: 'leave the options of ps out: the default table needs no ps, or install procps on the host',
      cause,
    });
  }
}
