/** What a user may type for a pod. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { PodRecord, PodStore } from '../../state/pods.ts';

export function noSuchPod(reference: string): K3cError {
  return new K3cError(Code.NOT_FOUND, `no such pod: ${reference}`, {
    reason: 'pod-not-found',
    hint: 'k3c pod ls shows those that are there, k3c pod create makes one',
  });
}

/** The row as it is now. NOT_FOUND (pod-not-found) when it is gone. */
export function podNow(store: Pick<PodStore, 'byId'>, id: string): PodRecord {
  const record = store.byId(id);
  if (record === undefined) throw noSuchPod(id);
  return record;
}

/** By full id, name, or unique prefix of an id. Throws NOT_FOUND (pod-not-found), or INVALID_ARGUMENT where several ids start so. */
export function findPod(store: Pick<PodStore, 'byId' | 'byName' | 'byIdPrefix'>, reference: string): PodRecord {
  const exact = store.byId(reference) ?? store.byName(reference);
  if (exact !== undefined) return exact;
  if (/^[0-9a-f]{1,64}$/.test(reference)) {
    const [first, second] = store.byIdPrefix(reference);
    if (second !== undefined)
      throw new K3cError(Code.INVALID_ARGUMENT, `Multiple IDs found with provided prefix: ${reference}`, {
        reason: 'bad-input',
      });
    if (first !== undefined) return first;
  }
  throw noSuchPod(reference);
}
