/** By which names a pod is known on its networks: its own, and those of its containers that run. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { State } from '../../state/database.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { EngineContext } from '../containers/context.ts';
import { shortId } from '../containers/identity.ts';
import { joinAgain } from '../containers/membership.ts';
import type { NetworkOwner } from '../containers/network-owner.ts';
import { membersOf } from './members.ts';

const KNOWN: ReadonlySet<ContainerRecord['state']> = new Set(['starting', 'running', 'paused']);

/** The pod as networks see it. */
export function podOwner(state: Pick<State, 'containers'>, pod: PodRecord): NetworkOwner {
  const otherNames = membersOf(state, pod.id)
    .filter((member) => KNOWN.has(member.state))
    .flatMap(({ id, name }) => [name, shortId(id)]);
  return { ...pod, otherNames };
}

/** To be called when a container of a pod starts, ends or gets another name. */
export function renewNames(context: Pick<EngineContext, 'network' | 'state'>, podId: string): void {
  const pod = podId === '' ? undefined : context.state.pods.byId(podId);
  if (pod?.state === 'running' && pod.sandboxId !== '') joinAgain(context, podOwner(context.state, pod));
}
