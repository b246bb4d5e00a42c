/** What the pod engine gives to those who call it. */
import type { PodRecord } from '../../state/pods.ts';
import type { PodSpec, PortSpec } from '../../state/spec.ts';
import type { Filters } from '../containers/filters.ts';

export type { PodRecord } from '../../state/pods.ts';
export type { PodSpec } from '../../state/spec.ts';

/**
 * created: never started. running: all of its containers run. degraded: some of them do. exited: there is a sandbox, and no
 * container of it runs. stopped: there is no sandbox.
 */
export type VisiblePodState = 'created' | 'running' | 'degraded' | 'exited' | 'stopped';

export interface PodMember {
  readonly id: string;
  readonly name: string;
  /** docker's word. */
  readonly state: string;
}

export interface ListedPod {
  readonly id: string;
  readonly name: string;
  readonly state: VisiblePodState;
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
  readonly labels: Readonly<Record<string, string>>;
  /** Published now. */
  readonly ports: readonly PortSpec[];
  readonly networks: readonly string[];
  readonly ip: string;
  /** Oldest first. */
  readonly containers: readonly PodMember[];
  /** In CRI; empty: none now. */
  readonly sandboxId: string;
}

export interface CreatedPod extends PodRecord {
  readonly warnings: readonly string[];
}

export interface ListPodsOptions {
  /** Pods of one, too: those of containers without a pod that a user made. */
  readonly all: boolean;
  /** id, name, label, status, network, ctr-names, ctr-ids; INVALID_ARGUMENT for others. */
  readonly filters: Filters;
}

export interface StopPodOptions {
  /** Seconds before SIGKILL, for each container; -1: never; absent: its own. */
  readonly timeout?: number | undefined;
}

export interface RemovedPod {
  readonly name: string;
  /** Ids of its containers. */
  readonly containers: readonly string[];
}

/** The verbs. Names, ids and unique prefixes of ids are references; NOT_FOUND (pod-not-found) where there is none. */
export interface PodEngine {
  find(reference: string): PodRecord;
  /**
   * Records a pod; its first start makes the sandbox. Throws INVALID_ARGUMENT, NOT_FOUND (network-not-found) and ALREADY_EXISTS
   * (name-in-use; names of containers count).
   * @param name empty: one is made up
   */
  create(name: string, spec: PodSpec): Promise<CreatedPod>;
  list(options: ListPodsOptions): readonly ListedPod[];
  /** A document of the pod; the name of a container without one gives its pod of one. */
  inspect(reference: string): Record<string, unknown>;
  /** A sandbox, where there is none, and all containers that do not run. All at once; what fails is told when the others were started. */
  start(reference: string): Promise<PodRecord>;
  /** The containers, then the sandbox. One that is stopped is fine. */
  stop(reference: string, options: StopPodOptions): Promise<PodRecord>;
  /** With its containers. FAILED_PRECONDITION (pod-in-use) while one of them runs, unless forced. */
  remove(reference: string, options: { readonly force: boolean }): Promise<RemovedPod>;
}
