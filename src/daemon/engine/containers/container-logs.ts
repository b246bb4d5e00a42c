/** What a container wrote, over all of its attempts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { LogRecord, ReadLogOptions } from '../streams/types.ts';
import type { EngineContext } from './context.ts';

/** How often a container that is between two attempts is looked at: docker's first delay is 100 ms. */
const LOOK_AGAIN_MS = 25;

/**
 * The records of a container's log, many at a time. A follower goes on over restarts, by policy or by hand, and ends when the
 * container has ended for good or is removed.
 *
 * @throws K3cError FAILED_PRECONDITION where nothing is kept (`--log-driver none`)
 */
export async function* containerLogs(
  context: EngineContext,
  record: ContainerRecord,
  how: Omit<ReadLogOptions, 'ended'>,
): AsyncGenerator<readonly LogRecord[]> {
  if (record.spec.log.driver === 'none')
    throw new K3cError(Code.FAILED_PRECONDITION, 'configured logging driver does not support reading');
  const ended = new AbortController();
  const left = new AbortController();
  const watch = how.follow ? untilEnded(context, record.id, left.signal).then(() => ended.abort()) : undefined;
  try {
    yield* context.streams.readLog(record.logPath, { ...how, ended: ended.signal });
  } finally {
    left.abort();
    await watch;
  }
}

/** Resolves when the container has ended for good, is gone, or nobody wants to know any more. */
async function untilEnded(context: EngineContext, id: string, left: AbortSignal): Promise<void> {
  const leaving = Promise.withResolvers<void>();
  const leave = () => leaving.resolve();
  left.addEventListener('abort', leave, { once: true });
  try {
    while (!left.aborted) {
      const live = context.live.get(id);
      if (live !== undefined) {
        // A daemon that stops loses track of it: the follower's own call ends then.
        await Promise.race([live.exit.catch(() => leaving.promise), leaving.promise]);
      } else if (isBetweenAttempts(context, id)) await sleep(LOOK_AGAIN_MS, undefined, { ref: false });
      else return;
    }
  } finally {
    left.removeEventListener('abort', leave);
  }
}

function isBetweenAttempts(context: EngineContext, id: string): boolean {
  const record = context.state.containers.byId(id);
  if (record === undefined) return false;
  return record.state === 'restarting' || record.state === 'starting' || record.restartAsked !== null;
}
