import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endLostLeases } from './lost-leases.ts';

const id = (letter: string) => letter.repeat(64);
const EXPIRES = { 'containerd.io/gc.expire': '2030-01-01T00:00:00Z' };
const BEFORE_MS = 1_000_000;

interface Kept {
  readonly labels?: Readonly<Record<string, string>>;
  readonly resources?: readonly (readonly [type: string, id: string])[];
  readonly createdAt?: bigint;
  readonly nanos?: number;
}

/** Ends what is lost among these; returns what stays. */
async function left(leases: Readonly<Record<string, Kept>>, sandboxes: readonly string[] = []): Promise<string[]> {
  const there = new Map(Object.entries(leases));
  const containerd = {
    cri: { listPodSandbox: async () => ({ items: sandboxes.map((sandbox) => ({ id: sandbox })) }) },
    leases: {
      list: async () => ({
        leases: [...there].map(([name, { labels = {}, createdAt = 900n, nanos = 0 }]) => ({
          id: name,
          labels,
          createdAt: { seconds: createdAt, nanos },
        })),
      }),
      listResources: async ({ id: name }: { id: string }) => ({
        resources: (there.get(name)?.resources ?? []).map(([type, resource]) => ({ type, id: resource })),
      }),
      delete: async ({ id: name }: { id: string }) => void there.delete(name),
    },
  };
  const count = await endLostLeases(containerd as never, BEFORE_MS);
  assert.equal(count, Object.keys(leases).length - there.size);
  return [...there.keys()];
}

test('a sandbox that was never made has no lease any more', async () => {
  assert.deepEqual(await left({ [id('a')]: {}, [id('b')]: {} }, [id('b')]), [id('b')]);
});

test('nor has a container that was being made', async () => {
  const holds = (...resources: (readonly [string, string])[]) => ({ labels: EXPIRES, resources });
  assert.deepEqual(
    await left({
      '699650002-cs5-': holds(),
      '702727223-ZFBG': holds(['snapshots/overlayfs', id('c')]),
      '1-A_-z': holds(['content', 'sha256:1']),
      '2-AAAA': holds(['snapshots/overlayfs', id('c')], ['content', 'sha256:1']),
      '3-AAAA': holds(['snapshots/overlayfs', 'sha256:2']),
    }),
    ['1-A_-z', '2-AAAA', '3-AAAA'],
  );
});

test('leases of others stay, and so do those of work that goes on', async () => {
  const others = {
    '4-AAAA': { resources: [['snapshots/overlayfs', id('c')] as const] },
    'k3c-1': { labels: EXPIRES },
    mine: { labels: EXPIRES },
    '5-AAAA': { labels: EXPIRES, createdAt: 1001n },
    [id('d')]: { createdAt: 1000n, nanos: 1 },
  };
  assert.deepEqual((await left(others)).toSorted(), Object.keys(others).toSorted());
});
