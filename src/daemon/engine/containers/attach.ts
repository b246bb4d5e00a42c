/** One more client on a container that runs. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { Attachment, AttachWants } from '../streams/types.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { notRunning } from './identity.ts';

/** The running attempt of a container. FAILED_PRECONDITION (container-not-running) when there is none. */
export function runningAttempt(context: EngineContext, record: ContainerRecord): LiveContainer {
  const live = context.live.get(record.id);
  if (live === undefined) throw notRunning(record);
  return live;
}

/** Attaches, and tells of it. */
export function attachContainer(
  context: EngineContext,
  record: ContainerRecord,
  wants: AttachWants,
): { readonly live: LiveContainer; readonly attachment: Attachment } {
  const live = runningAttempt(context, record);
  const attachment = live.io.attach(wants);
  context.emit(record, 'attach');
  return { live, attachment };
}
