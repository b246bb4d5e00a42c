/**
 * Leases that a killed containerd had taken for itself: one for each sandbox, and one for the making of each container, which would hold
 * the container's snapshot for a day.
 */
import { Code, hasCode } from '../../api/errors.ts';
import type { Lease } from '../../api/gen/services/leases/v1/leases.ts';
import type { Containerd } from './containerd.ts';
import { milliseconds } from './timestamp.ts';

/** CRI gives a sandbox's lease the sandbox's id. */
const CRI_ID = /^[0-9a-f]{64}$/;
/** Of the client's that containerd talks to itself with (containerd, core/leases/id.go), and of all others who leave the name to it. */
const RANDOM_ID = /^\d+-[\w-]{4}$/;
const EXPIRE = 'containerd.io/gc.expire';

type Client = Pick<Containerd, 'leases'> & { readonly cri: Pick<Containerd['cri'], 'listPodSandbox'> };

/**
 * Ends the leases of sandboxes that are not there, and those under which containers were made: these expire, and hold nothing but the
 * snapshots of CRI's containers, which a container that was finished holds by itself. Leases of others hold content, or do not expire.
 *
 * @param before when that containerd was started, milliseconds since the epoch: a younger lease is of work that is going on
 * @returns how many there were
 */
export async function endLostLeases(containerd: Client, before: number, signal?: AbortSignal): Promise<number> {
  const { leases } = await containerd.leases.list({ filters: [] }, { signal });
  const old = leases.filter((lease) => milliseconds(lease.createdAt) < before);
  const ofSandboxes = old.filter(({ id }) => CRI_ID.test(id));
  const ofContainers = old.filter(({ id, labels }) => RANDOM_ID.test(id) && labels[EXPIRE] !== undefined);
  const lost = [
    ...(await withoutSandbox(containerd, ofSandboxes, signal)),
    ...(await ofSnapshots(containerd, ofContainers, signal)),
  ];
  for (const { id } of lost) {
    await containerd.leases.delete({ id, sync: false }, { signal }).catch((error: unknown) => {
      // It has expired meanwhile.
      if (!hasCode(error, Code.NOT_FOUND)) throw error;
    });
  }
  return lost.length;
}

async function withoutSandbox({ cri }: Client, leases: readonly Lease[], signal?: AbortSignal): Promise<Lease[]> {
  if (leases.length === 0) return [];
  const { items } = await cri.listPodSandbox({}, { signal });
  const known = new Set(items.map(({ id }) => id));
  return leases.filter(({ id }) => !known.has(id));
}

async function ofSnapshots(containerd: Client, leases: readonly Lease[], signal?: AbortSignal): Promise<Lease[]> {
  const found: Lease[] = [];
  for (const lease of leases) {
    const { resources } = await containerd.leases.listResources({ id: lease.id }, { signal });
    // Before the snapshot is made it holds nothing.
    if (resources.every(({ id, type }) => type.startsWith('snapshots/') && CRI_ID.test(id))) found.push(lease);
  }
  return found;
}
