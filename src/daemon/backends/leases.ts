/** Leases of containerd: what is made under one is not collected before something refers to it. */
import { randomUUID } from 'node:crypto';
import { Code, hasCode } from '../../api/errors.ts';
import type { Metadata } from '../../api/rpc/types.ts';
import type { Containerd } from './containerd.ts';

/** Ends a lease whose daemon died; longer than any one transfer. */
const LEASE_LIFE_MS = 24 * 60 * 60 * 1000;

export interface LeaseOptions {
  readonly signal?: AbortSignal | undefined;
  /** After a failure that was no abort, keep what was made for this long, so that the next try goes on from there. */
  readonly keepOnFailureMs?: number;
}

type Leases = Pick<Containerd, 'leases'>['leases'];

/**
 * Runs work under a lease. When the work was aborted, what it made is freed before this rejects.
 *
 * @param work is given the metadata to send with every call that belongs to the lease
 */
export async function withLease<T>(
  leases: Leases,
  options: LeaseOptions,
  work: (metadata: Metadata) => Promise<T>,
): Promise<T> {
  const id = await createLease(leases, LEASE_LIFE_MS);
  try {
    const result = await work([['containerd-lease', id]]);
    await deleteLease(leases, id, false);
    return result;
  } catch (error) {
    const keep = options.signal?.aborted === true ? undefined : options.keepOnFailureMs;
    try {
      if (keep !== undefined) await keepResources(leases, id, keep);
      await deleteLease(leases, id, keep === undefined);
    } catch (failure) {
      // The first error is the one to tell. When containerd is gone the lease ends by itself.
      if (!hasCode(failure, Code.UNAVAILABLE)) throw new AggregateError([error, failure], 'work and clean-up failed');
    }
    throw error;
  }
}

async function createLease(leases: Leases, lifeMs: number): Promise<string> {
  const id = `k3c-${randomUUID()}`;
  const labels = { 'containerd.io/gc.expire': new Date(Date.now() + lifeMs).toISOString() };
  await leases.create({ id, labels });
  return id;
}

async function deleteLease(leases: Leases, id: string, collect: boolean): Promise<void> {
  try {
    await leases.delete({ id, sync: collect });
  } catch (error) {
    // Expired meanwhile.
    if (!hasCode(error, Code.NOT_FOUND)) throw error;
  }
}

/** Gives what a lease holds to one that ends sooner. */
async function keepResources(leases: Leases, from: string, lifeMs: number): Promise<void> {
  const { resources } = await leases.listResources({ id: from });
  if (resources.length === 0) return;
  const id = await createLease(leases, lifeMs);
  for (const resource of resources) await leases.addResource({ id, resource });
}
