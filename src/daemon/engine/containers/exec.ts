/** One more process in a running container. */
import { randomBytes } from 'node:crypto';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ExecProcess, ProcessUser, TerminalSize } from '../streams/types.ts';
import type { EngineContext } from './context.ts';
import { findContainer, notRunning } from './identity.ts';
import { processId } from './process-id.ts';
import { resolveGroups, resolveUser } from './users.ts';

export interface ExecRequest {
  readonly container: string;
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  /** Empty: the container's own. */
  readonly user: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly detach: boolean;
  readonly privileged: boolean;
  readonly size: TerminalSize | undefined;
}

/** Starts it. Errors are docker's; a command that is missing or not executable has its own reasons (127, 126). */
export async function execInContainer(context: EngineContext, request: ExecRequest): Promise<ExecProcess> {
  const record = findContainer(context.state.containers, request.container);
  const live = context.live.get(record.id);
  if (live === undefined) throw notRunning(record);
  if (record.state === 'paused')
    throw new K3cError(Code.FAILED_PRECONDITION, `Container ${record.id} is paused, unpause the container before exec`);
  if (request.command.length === 0)
    throw new K3cError(Code.INVALID_ARGUMENT, 'No exec command specified', { reason: 'bad-input' });
  const execId = randomBytes(32).toString('hex');
  const user =
    request.user === '' ? undefined : await userOf(context, live.criId, request.user, record.spec.security.groupAdd);
  const command = request.command.join(' ');
  context.emit(record, `exec_create: ${command}`, { execID: execId });
  const started = await context.streams.startExec(context.containerd, {
    criId: live.criId,
    execId,
    fifoDir: context.paths.fifos,
    args: request.command,
    env: request.env,
    ...(request.workingDir === '' ? {} : { cwd: request.workingDir }),
    ...(user === undefined ? {} : { user }),
    tty: request.tty,
    stdin: request.stdin,
    detach: request.detach,
    privileged: request.privileged,
    ...(request.size === undefined ? {} : { size: request.size }),
    stopping: context.closing,
    log: context.log,
  });
  context.emit(record, `exec_start: ${command}`, { execID: execId });
  context.background.follow(`record the end of an exec in ${record.name}`, async () => {
    const exitCode = await started.exited;
    context.emit(record, 'exec_die', { execID: execId, exitCode: String(exitCode) });
  });
  return started;
}

/** Another user keeps the groups that --group-add gave the container. */
async function userOf(
  context: EngineContext,
  criId: string,
  user: string,
  groupAdd: readonly string[],
): Promise<ProcessUser> {
  const root = `/proc/${await processId(context, criId)}/root`;
  try {
    const [found, added] = await Promise.all([resolveUser(root, user), resolveGroups(root, groupAdd)]);
    return { ...found, additionalGids: [...new Set([...found.additionalGids, ...added])] };
  } catch (error) {
    // docker's exit code of an exec that cannot begin; for run it is k3c's own failure.
    if (error instanceof K3cError)
      throw new K3cError(error.code, error.message, { reason: 'command-not-invocable', cause: error });
    throw error;
  }
}
