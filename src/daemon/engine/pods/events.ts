/** podman's events of pods: create, start, stop, remove. */
import type { PodRecord } from '../../state/pods.ts';
import type { EngineContext } from '../containers/context.ts';

/** To be told in the transaction of the change. */
export function tellPod(
  { events }: Pick<EngineContext, 'events'>,
  { id, name, spec }: Pick<PodRecord, 'id' | 'name' | 'spec'>,
  action: 'create' | 'start' | 'stop' | 'remove',
): void {
  events.record({ type: 'pod', action, actor: id, attributes: { ...spec.labels, name } });
}
