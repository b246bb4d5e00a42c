/** What to do with each container at the start of the daemon: the records compared with what CRI has. Pure. */
import { ContainerState as CriState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { wantsRestart } from './restart-policy.ts';

export interface CriContainer {
  readonly id: string;
  readonly sandboxId: string;
  /** k3c's id of it. */
  readonly owner: string;
  readonly attempt: number;
  readonly state: CriState;
}

export type Plan =
  /** Nothing runs and nothing is to be done. */
  | { readonly kind: 'keep' }
  /** It runs: take it up. */
  | { readonly kind: 'adopt'; readonly sandboxId: string; readonly criId: string }
  /** It ended while nobody looked: record how CRI saw it. */
  | { readonly kind: 'exited'; readonly sandboxId: string; readonly criId: string }
  /** It was running and CRI knows nothing of it: the machine was reset, or its files were. */
  | { readonly kind: 'lost' }
  /** A start was cut off: take it back; the policy, or a restart that was due or asked for, may start it anew. */
  | { readonly kind: 'rollback' }
  /** It does not run, and its policy wants it to. */
  | { readonly kind: 'restart' }
  /** It was to be removed at its exit, and does not run. */
  | { readonly kind: 'remove' };

/**
 * A restart by hand that was cut off is finished when this was carried out: until then what does not run is kept as it is.
 * @param containers those of this record
 */
export function planContainer(record: ContainerRecord, containers: readonly CriContainer[]): Plan {
  const current = containers.find(({ attempt }) => attempt === record.attempt);
  const isDue = record.restartAsked !== null;
  const ids = current === undefined ? undefined : { sandboxId: current.sandboxId, criId: current.id };
  switch (record.state) {
    case 'running':
    case 'paused':
      if (ids === undefined) return { kind: 'lost' };
      return { kind: current?.state === CriState.CONTAINER_RUNNING ? 'adopt' : 'exited', ...ids };
    case 'starting':
      // StartContainer may have been answered to a daemon that was gone by then: what runs, runs.
      if (ids !== undefined && current?.state === CriState.CONTAINER_RUNNING) return { kind: 'adopt', ...ids };
      if (ids !== undefined && current?.state === CriState.CONTAINER_EXITED) return { kind: 'exited', ...ids };
      return { kind: record.spec.autoRemove && !isDue ? 'remove' : 'rollback' };
    case 'restarting':
      return { kind: isDue ? 'keep' : 'restart' };
    case 'exited':
      if (isDue) return { kind: 'keep' };
      if (record.spec.autoRemove) return { kind: 'remove' };
      return wantsRestart({ ...record, policy: record.spec.restart }, true) ? { kind: 'restart' } : { kind: 'keep' };
    case 'created':
      return { kind: record.spec.autoRemove && !isDue ? 'remove' : 'keep' };
  }
}
