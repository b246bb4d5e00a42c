/** Leases of containerd: what is made under one is not collected before something refers to it. */
import { randomUUID } from 'node:crypto';
import { Code, hasCode } from '../../api/errors.ts';
import type { Metadata } from '../../api/rpc/types.ts';
import type { Containerd } from './containerd.ts';

/** Ends a lease whose daemon died; longer than any one transfer. */
const LEASE_LIFE_MS = 24 * 60 * 60 * 1000;

/** On leases of work that is going on; when the daemon is gone, so is the work. */
const WORK_LABEL = 'k3c.io/work';

export interface LeaseOptions {
  readonly signal?: AbortSignal | undefined;
  /** For how long to keep what was made by work that failed with this error, for the next try; undefined: not at all. */
  readonly keepOnFailureMs?: (error: unknown) => number | undefined;
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
  const id = await createLease(leases, LEASE_LIFE_MS, { [WORK_LABEL]: 'true' });
  try {
    const result = await work([['containerd-lease', id]]);
    await deleteLease(leases, id, false);
    return result;
  } catch (error) {
    const keep = options.signal?.aborted === true ? undefined : options.keepOnFailureMs?.(error);
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

/** Ends the leases of work that a daemon before this one was killed in. Call it before any work begins. */
export async function endStaleLeases(leases: Leases, signal?: AbortSignal): Promise<void> {
  const { leases: stale } = await leases.list({ filters: [`labels."${WORK_LABEL}"==true`] }, { signal });
  for (const { id } of stale) await deleteLease(leases, id, false);
}

/** Frees, before it returns, what nothing refers to any more. */
export async function collectGarbage(leases: Leases): Promise<void> {
  // The end of any lease can be waited for together with the collection that it causes.
  await deleteLease(leases, await createLease(leases, LEASE_LIFE_MS), true);
}

/** A lease of work that reads: what it holds is not collected before it is disposed. */
export class Lease implements AsyncDisposable {
  readonly #leases: Leases;
  readonly #id: string;

  private constructor(leases: Leases, id: string) {
    this.#leases = leases;
    this.#id = id;
  }

  static async create(leases: Leases): Promise<Lease> {
    return new Lease(leases, await createLease(leases, LEASE_LIFE_MS, { [WORK_LABEL]: 'true' }));
  }

  /** Keeps content that is there, and all that it refers to. Throws NOT_FOUND when it is not there. */
  async hold(digest: string): Promise<void> {
    await this.#leases.addResource({ id: this.#id, resource: { id: digest, type: 'content' } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await deleteLease(this.#leases, this.#id, false);
    } catch (error) {
      // containerd is gone; the next daemon ends its leases.
      if (!hasCode(error, Code.UNAVAILABLE)) throw error;
    }
  }
}

async function createLease(
  leases: Leases,
  lifeMs: number,
  labels: Readonly<Record<string, string>> = {},
): Promise<string> {
  const id = `k3c-${randomUUID()}`;
  const expire = new Date(Date.now() + lifeMs).toISOString();
  await leases.create({ id, labels: { ...labels, 'containerd.io/gc.expire': expire } });
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
