/** The stored types that services speak of; services may not import the state room itself. */
export type { ContainerRecord } from '../../state/containers.ts';
export type {
  ContainerSpec,
  HealthSpec,
  IsolationSpec,
  NetworkSpec,
  ResourceSpec,
  SecuritySpec,
} from '../../state/spec.ts';
