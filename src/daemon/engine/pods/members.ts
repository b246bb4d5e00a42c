/** The containers of a pod. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { State } from '../../state/database.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { EngineContext } from '../containers/context.ts';

/** Oldest first. */
export function membersOf({ containers }: Pick<State, 'containers'>, podId: string): readonly ContainerRecord[] {
  return containers
    .list()
    .filter(({ spec }) => spec.pod === podId)
    .toReversed();
}

/** Whether it has a process, or is about to have one. */
export function isActive({ live }: Pick<EngineContext, 'live'>, { id, state }: Pick<ContainerRecord, 'id' | 'state'>) {
  return live.has(id) || state === 'starting' || state === 'restarting';
}

/** The pod that users made and a container is in. */
export function podOf({ pods }: Pick<State, 'pods'>, { spec }: Pick<ContainerRecord, 'spec'>): PodRecord | undefined {
  return spec.pod === '' ? undefined : pods.byId(spec.pod);
}
