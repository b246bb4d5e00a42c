/** A container of a pod as `ps` and `inspect` show it: with the pod's place on the network. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { State } from '../../state/database.ts';
import { isUp } from '../containers/summary.ts';
import { podOf } from './members.ts';

/** The record with its pod's networks and, while it runs, address and ports. One that is in no pod is returned as it is. */
export function withPod(state: Pick<State, 'pods'>, record: ContainerRecord): ContainerRecord {
  const pod = podOf(state, record);
  if (pod === undefined) return record;
  const { networkMode, network } = pod.spec;
  const reached = isUp(record) && pod.state === 'running';
  return {
    ...record,
    spec: { ...record.spec, networkMode, network },
    endpoints: pod.endpoints,
    ip: reached ? pod.ip : '',
    ports: reached ? pod.ports : [],
  };
}

/** The name of the pod that users made and a container is in; empty: it is in none. */
export function podName(state: Pick<State, 'pods'>, record: Pick<ContainerRecord, 'spec'>): string {
  return podOf(state, record)?.name ?? '';
}

/** Whether a container is in the pod that a filter names: by its name, its id or the beginning of that. */
export function isInPod(state: Pick<State, 'pods'>, { spec }: Pick<ContainerRecord, 'spec'>, value: string): boolean {
  if (spec.pod === '' || value === '') return false;
  return spec.pod.startsWith(value) || podName(state, { spec }) === value;
}
