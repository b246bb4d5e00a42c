import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../api/errors.ts';
import { mendSnapshots } from './mend-snapshots.ts';

/** A containerd whose snapshotter refuses the first snapshots. */
function containerd(refusals: number, removed?: K3cError) {
  const calls: string[] = [];
  const keys = new Set<string>();
  return {
    calls,
    keys,
    snapshots: {
      prepare: async ({ key }: { key: string }) => {
        keys.add(key);
        calls.push('prepare');
        if (calls.length <= refusals) throw new K3cError(Code.UNKNOWN, 'failed to rename: file exists');
      },
      remove: async ({ key }: { key: string }) => {
        keys.add(key);
        calls.push('remove');
        if (removed !== undefined) throw removed;
      },
    },
  };
}

test('a snapshot is made and goes', async () => {
  const whole = containerd(0);
  await mendSnapshots(whole as never, 'overlayfs');
  assert.deepEqual(whole.calls, ['prepare', 'remove']);
  assert.equal(whole.keys.size, 1);
});

test('the attempt that is refused is ours; one more is a failure', async () => {
  const torn = containerd(1);
  await mendSnapshots(torn as never, 'overlayfs');
  assert.deepEqual(torn.calls, ['prepare', 'prepare', 'remove']);
  await assert.rejects(mendSnapshots(containerd(2) as never, 'overlayfs'), /file exists/);
});

test('a collection may be faster', async () => {
  const collected = containerd(0, new K3cError(Code.NOT_FOUND, 'gone'));
  await mendSnapshots(collected as never, 'overlayfs');
  assert.deepEqual(collected.calls, ['prepare', 'remove']);
  await assert.rejects(mendSnapshots(containerd(0, new K3cError(Code.UNKNOWN, 'no')) as never, 'overlayfs'), /no/);
});
