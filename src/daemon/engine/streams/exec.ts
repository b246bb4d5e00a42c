import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { Status } from '../../../api/gen/types/task/task.ts';
import { ownCapabilities } from '../../../host/capabilities.ts';
import { makeFifo } from '../../../host/fifo.ts';
import type { Containerd } from '../../backends/containerd.ts';
import { type FifoPaths, removeFifos } from '../../backends/fifos.ts';
import { containerProcess, execProcessSpec } from './exec-process-spec.ts';
import { ProcessStreams } from './process-streams.ts';
import { startError } from './start-error.ts';
import type { ExecOptions, ExecProcess, TerminalSize } from './types.ts';

/** The type under which runc's shim takes a process as JSON (containerd, core/runtime and typeurl). */
const PROCESS_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/Process';
const SIGKILL = 9;
const KILLED = 128 + SIGKILL;
const RECONNECT_MS = 50;

type Services = Pick<Containerd, 'tasks' | 'containers'>;

/**
 * Starts a process in a running container, on FIFOs of our own. What it leaves behind in containerd and on disk is
 * removed when it ends, whoever looks on.
 *
 * @throws K3cError with reason command-not-found (exit code 127) or command-not-invocable (126), container-not-running,
 *   or CANCELLED when `signal` is aborted
 */
export async function startExec(containerd: Services, options: ExecOptions): Promise<ExecProcess> {
  const { criId, execId, signal } = options;
  const process = { containerId: criId, execId };
  const spec = await processSpec(containerd.containers, options);
  const fifos = makeFifos(options);
  let streams: ProcessStreams | undefined;
  try {
    streams = new ProcessStreams({
      fifos,
      tty: options.tty,
      stdinOnce: true,
      closeIo: (gone) => containerd.tasks.closeIO({ ...process, stdin: true }, { signal: gone }),
      log: options.log,
    });
    const attachment = streams.attach({ stdin: options.stdin, stdout: !options.detach, stderr: !options.detach });
    await create(containerd.tasks, options, fifos, spec);
    const pid = await start(containerd.tasks, options);
    streams.opened();
    if (signal?.aborted) {
      // It leaves the shim when it has ended, though nobody looks on.
      void supervise(containerd.tasks, options, streams);
      await containerd.tasks.kill({ ...process, signal: SIGKILL });
      throw new K3cError(Code.CANCELLED, 'canceled');
    }
    return {
      id: execId,
      pid,
      attachment,
      resize: async (size: TerminalSize) => {
        await containerd.tasks.resizePty({ ...process, ...size });
      },
      kill: async (number) => {
        await containerd.tasks.kill({ ...process, signal: number });
      },
      exited: supervise(containerd.tasks, options, streams),
    };
  } catch (error) {
    streams?.destroy();
    throw error;
  } finally {
    // The shim has them open now, or never will.
    removeFifos(fifos);
  }
}

async function processSpec(containers: Services['containers'], options: ExecOptions): Promise<Buffer> {
  const { criId, signal } = options;
  try {
    const { container } = await containers.get({ id: criId }, signal ? { signal } : {});
    const own = containerProcess(criId, container?.spec?.value ?? Buffer.alloc(0));
    const all = options.privileged ? await ownCapabilities() : [];
    return Buffer.from(JSON.stringify(execProcessSpec(own, options, all)));
  } catch (error) {
    throw hasCode(error, Code.NOT_FOUND) ? notRunning(error) : error;
  }
}

/** No FIFOs for a detached process, whose streams are then /dev/null; but a terminal needs somebody who reads it. */
function makeFifos({ fifoDir, criId, execId, tty, stdin, detach }: ExecOptions): FifoPaths {
  if (detach && !tty) return {};
  mkdirSync(fifoDir, { recursive: true, mode: 0o700 });
  const path = (stream: string) => join(fifoDir, `${criId}.${execId}-${stream}`);
  const fifos: FifoPaths = {
    ...(stdin ? { stdin: path('stdin') } : {}),
    stdout: path('stdout'),
    ...(tty ? {} : { stderr: path('stderr') }),
  };
  try {
    for (const fifo of Object.values(fifos)) makeFifo(fifo);
    return fifos;
  } catch (error) {
    removeFifos(fifos);
    throw error;
  }
}

async function create(tasks: Services['tasks'], options: ExecOptions, fifos: FifoPaths, spec: Buffer): Promise<void> {
  const { criId, execId, tty, signal } = options;
  try {
    await tasks.exec(
      {
        containerId: criId,
        execId,
        terminal: tty,
        stdin: fifos.stdin ?? '',
        stdout: fifos.stdout ?? '',
        stderr: fifos.stderr ?? '',
        spec: { typeUrl: PROCESS_TYPE, value: spec },
      },
      signal ? { signal } : {},
    );
  } catch (error) {
    if (signal?.aborted) {
      // The shim may have it all the same.
      void remove(tasks, options);
      throw error;
    }
    throw await refusal(tasks, criId, error);
  }
}

/** Not cancelled half way: whether it runs must be known. */
async function start(tasks: Services['tasks'], options: ExecOptions): Promise<number> {
  try {
    return (await tasks.start({ containerId: options.criId, execId: options.execId })).pid;
  } catch (error) {
    void remove(tasks, options);
    throw startError(await refusal(tasks, options.criId, error));
  }
}

/** The error itself, or what the state of the container says better: the shim has no code for it, only words. */
async function refusal(tasks: Services['tasks'], criId: string, error: unknown): Promise<unknown> {
  if (hasCode(error, Code.UNAVAILABLE, Code.ALREADY_EXISTS)) return error;
  let status: Status | undefined;
  try {
    status = (await tasks.get({ containerId: criId, execId: '' })).process?.status;
  } catch (failure) {
    return hasCode(failure, Code.NOT_FOUND) ? notRunning(error) : error;
  }
  if (status === Status.STOPPED || status === Status.CREATED) return notRunning(error);
  if (status !== Status.PAUSED && status !== Status.PAUSING) return error;
  return new K3cError(Code.FAILED_PRECONDITION, 'the container is paused', { hint: 'unpause it first', cause: error });
}

function notRunning(error: unknown): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, 'the container is not running', {
    reason: 'container-not-running',
    cause: error,
  });
}

/** Waits for the exit; takes the rest of the output and removes the process from containerd behind the caller's back. */
async function supervise(tasks: Services['tasks'], options: ExecOptions, streams: ProcessStreams): Promise<number> {
  const exitCode = await waitForExec(tasks, options);
  if (options.stopping?.aborted) {
    streams.leave(new K3cError(Code.UNAVAILABLE, 'the k3c daemon is stopping'));
    return exitCode;
  }
  void streams.drain(false).then(() => remove(tasks, options));
  return exitCode;
}

async function waitForExec(tasks: Services['tasks'], options: ExecOptions): Promise<number> {
  const { criId, execId, stopping, log } = options;
  for (;;) {
    try {
      const { exitStatus } = await tasks.wait({ containerId: criId, execId }, stopping ? { signal: stopping } : {});
      return exitStatus;
    } catch (error) {
      if (stopping?.aborted) return KILLED;
      if (!hasCode(error, Code.UNAVAILABLE)) {
        log.debug({ err: error, container: criId, exec: execId }, 'a process ended with its container');
        return KILLED;
      }
      // containerd is restarting; the process and its streams go on meanwhile.
      await sleep(RECONNECT_MS, undefined, { ref: false });
    }
  }
}

/** Takes up to 10 s in the shim while a child of the process holds its output open. */
async function remove(tasks: Services['tasks'], { criId, execId, log }: ExecOptions): Promise<void> {
  try {
    await tasks.deleteProcess({ containerId: criId, execId });
  } catch (error) {
    // The container is gone, and the process with it; or containerd is, and the shim drops it with the container.
    log.debug({ err: error, container: criId, exec: execId }, 'a process was not removed');
  }
}
