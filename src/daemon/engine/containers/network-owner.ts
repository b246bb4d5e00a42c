/** Who is on networks: a container with a pod of its own, or a pod that users made, for all of its containers. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { ContainerSpec, ResolvedConfig } from '../../state/spec.ts';

/** What both records have of it. */
export interface NetworkOwner extends Pick<ContainerRecord, 'id' | 'name' | 'endpoints' | 'ip'> {
  readonly spec: Pick<ContainerSpec, 'networkMode' | 'network'>;
  readonly config: Pick<ResolvedConfig, 'hostname'>;
  /** Names by which it is known besides: of the containers in a pod. */
  readonly otherNames?: readonly string[];
}
