/** One run of a health check: a process in the container, its time limited and its output capped. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode, toK3cError } from '../../../../api/errors.ts';
import type { ProbeResult } from '../../../state/health.ts';
import type { ExecProcess } from '../../streams/types.ts';
import type { EngineContext, LiveContainer } from '../context.ts';
import { SIGKILL } from '../signals.ts';
import type { HealthCheck } from './check.ts';
import { LONGEST_TIMER_MS } from './monitor.ts';

/** Bytes of output that are kept. */
const OUTPUT_LIMIT = 4096;
/** How long the start may take; it does not count towards the check's own timeout. */
const START_PATIENCE_MS = 30_000;
/** One that was killed may have ended with its container: that is told in a moment, and says nothing of its health. */
const KILLED = 128 + SIGKILL;
const LAST_WORD_MS = 500;
/** What a probe that could not be run, or took too long, exits with. */
const NO_EXIT_CODE = -1;

/**
 * Runs the check. What goes wrong is a result, as in docker; undefined where it says nothing of the container: it is ending, the
 * monitor was stopped, or containerd is just being started again.
 */
export async function runProbe(
  context: EngineContext,
  live: LiveContainer,
  check: HealthCheck,
  stopping: AbortSignal,
): Promise<ProbeResult | undefined> {
  const execID = randomBytes(32).toString('hex');
  const announce = (action: string, attributes: Readonly<Record<string, string>> = {}) =>
    context.announce(live.id, action, { execID, ...attributes });
  let start = context.now();
  const result = (exitCode: number, output: string) => ({ start, end: context.now(), exitCode, output });
  let late = false;
  let running: ExecProcess | undefined;
  try {
    running = await context.probeSlots.run(async () => {
      if (stopping.aborted) return undefined;
      start = context.now();
      announce(`exec_create: ${check.command.join(' ')}`);
      const giveUp = new AbortController();
      const timer = setTimeout(() => {
        late = true;
        giveUp.abort();
      }, START_PATIENCE_MS);
      try {
        return await context.streams.startExec(context.containerd, {
          criId: live.criId,
          execId: execID,
          fifoDir: context.paths.fifos,
          args: check.command,
          tty: false,
          stdin: false,
          // A stop kills the process below: only so does nothing of it stay behind in the shim.
          signal: AbortSignal.any([giveUp.signal, stopping]),
          log: context.log,
        });
      } finally {
        clearTimeout(timer);
      }
    });
  } catch (thrown) {
    if (stopping.aborted || hasCode(thrown, Code.UNAVAILABLE)) return undefined;
    if (toK3cError(thrown).reason === 'container-not-running') return undefined;
    if (late) return result(NO_EXIT_CODE, `timed out starting health check for container ${live.id}`);
    return result(NO_EXIT_CODE, toK3cError(thrown).message);
  }
  if (running === undefined) return undefined;
  announce(`exec_start: ${check.command.join(' ')}`);
  return await watchProbe(context, live, running, check, stopping, { announce, result });
}

async function watchProbe(
  context: EngineContext,
  live: LiveContainer,
  running: ExecProcess,
  check: HealthCheck,
  stopping: AbortSignal,
  tell: {
    readonly announce: (action: string, attributes: Readonly<Record<string, string>>) => void;
    readonly result: (exitCode: number, output: string) => ProbeResult;
  },
): Promise<ProbeResult | undefined> {
  let overdue = false;
  const end = () => {
    running.kill(SIGKILL).catch((err: unknown) => context.log.debug({ err }, 'a probe ended before it was killed'));
    // Its children may hold the output open.
    running.attachment.detach();
  };
  const timer = setTimeout(
    () => {
      overdue = true;
      end();
    },
    Math.min(check.timeout / 1e6, LONGEST_TIMER_MS),
  );
  stopping.addEventListener('abort', end, { once: true });
  if (stopping.aborted) end();
  try {
    const [output, exitCode] = await Promise.all([
      collect(running),
      running.exited.then((code) => {
        // From here on its children alone write: the streams give them two seconds.
        clearTimeout(timer);
        return code;
      }),
    ]);
    tell.announce('exec_die', { exitCode: String(exitCode) });
    if (exitCode === KILLED && !overdue) await lastWord(stopping);
    if (stopping.aborted) {
      await forget(context, live, running);
      return undefined;
    }
    if (!overdue) return tell.result(exitCode, output);
    const text = `Health check exceeded timeout (${goDuration(check.timeout)})`;
    return tell.result(NO_EXIT_CODE, output === '' ? text : `${text}: ${output}`);
  } catch (thrown) {
    return stopping.aborted ? undefined : tell.result(NO_EXIT_CODE, toK3cError(thrown).message);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', end);
  }
}

async function lastWord(stopping: AbortSignal): Promise<void> {
  try {
    await sleep(LAST_WORD_MS, undefined, { signal: stopping });
  } catch {
    // It is told.
  }
}

/** Takes an ended probe out of the shim. The streams do so too, but a daemon that stops is gone before they come to it. */
async function forget(context: EngineContext, { criId }: LiveContainer, { id }: ExecProcess): Promise<void> {
  try {
    await context.containerd.tasks.deleteProcess({ containerId: criId, execId: id });
  } catch (err) {
    context.log.debug({ err, container: criId, exec: id }, 'a probe is gone already');
  }
}

/** The first bytes of the output; all that follows is read and dropped, so that the process does not block. */
async function collect({ attachment }: ExecProcess): Promise<string> {
  const kept: Buffer[] = [];
  let length = 0;
  let dropped = false;
  for await (const { data } of attachment.output) {
    const part = data.subarray(0, OUTPUT_LIMIT - length);
    dropped ||= part.length < data.length;
    // A copy: the chunk is a window on a larger buffer.
    if (part.length > 0) kept.push(Buffer.from(part));
    length += part.length;
  }
  return Buffer.concat(kept).toString('utf8') + (dropped ? '...' : '');
}

/** A duration as Go prints it: `1m30s`, `1.5s`, `300ms`. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const hours = Math.floor(nanoseconds / 3600e9);
  const minutes = Math.floor(nanoseconds / 60e9) % 60;
  const seconds = (nanoseconds % 60e9) / 1e9;
  return `${hours > 0 ? `${hours}h` : ''}${hours + minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
