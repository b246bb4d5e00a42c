/** `pod ls`: the pods that filters choose. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { State } from '../../state/database.ts';
import type { PodRecord } from '../../state/pods.ts';
import { networkNames } from '../containers/network-mode.ts';
import { visibleState } from '../containers/summary.ts';
import { podMatcher } from './filters.ts';
import { membersOf } from './members.ts';
import type { ListedPod, ListPodsOptions, VisiblePodState } from './types.ts';

/** Newest first. INVALID_ARGUMENT for a filter that is not known. */
export function listPods(
  state: Pick<State, 'containers' | 'pods'>,
  { all, filters }: ListPodsOptions,
): readonly ListedPod[] {
  const matches = podMatcher(filters);
  const made = state.pods.list().map((pod) => listedPod(state, pod));
  const ofOne = all
    ? state.containers
        .list()
        .filter(({ spec }) => spec.pod === '')
        .map(podOfOne)
    : [];
  return [...made, ...ofOne].filter(matches).toSorted((a, b) => Number(b.createdAt - a.createdAt));
}

export function listedPod(state: Pick<State, 'containers'>, pod: PodRecord): ListedPod {
  const containers = membersOf(state, pod.id).map(toMember);
  const running = pod.state === 'running';
  return {
    id: pod.id,
    name: pod.name,
    state: visiblePodState(pod, containers),
    createdAt: pod.createdAt,
    labels: pod.spec.labels,
    ports: pod.ports,
    networks: networkNames(pod),
    ip: pod.ip,
    containers,
    sandboxId: running ? pod.sandboxId : '',
  };
}

/** The pod that a container has to itself: it comes and goes with the container's process. */
export function podOfOne(record: ContainerRecord): ListedPod {
  const member = toMember(record);
  const running = isRunning(member);
  return {
    id: record.id,
    name: record.name,
    state: running ? 'running' : record.state === 'created' ? 'created' : 'stopped',
    createdAt: record.createdAt,
    labels: record.config.labels,
    ports: record.ports,
    networks: networkNames(record),
    ip: record.ip,
    containers: [member],
    sandboxId: running ? record.sandboxId : '',
  };
}

function toMember(record: ContainerRecord) {
  return { id: record.id, name: record.name, state: visibleState(record) };
}

function isRunning({ state }: { readonly state: string }): boolean {
  return state === 'running' || state === 'paused';
}

/** Of its sandbox and its containers. One without containers runs when its sandbox does. */
export function visiblePodState(
  { state }: Pick<PodRecord, 'state'>,
  containers: readonly { readonly state: string }[],
): VisiblePodState {
  if (state !== 'running') return state;
  const running = containers.filter(isRunning).length;
  if (running === containers.length) return 'running';
  return running === 0 ? 'exited' : 'degraded';
}
