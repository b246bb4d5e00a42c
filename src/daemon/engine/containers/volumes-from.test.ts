import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerRecord } from '../../state/containers.ts';
import type { ResolvedMount } from '../../state/spec.ts';
import { sampleRecord } from './samples.ts';
import { inheritedMounts } from './volumes-from.ts';

function mount(over: Partial<ResolvedMount>): ResolvedMount {
  const none = { source: '', readOnly: false, propagation: 'rprivate', volume: '', anonymous: false };
  return { type: 'volume', target: '/x', ...none, ...over };
}

const holders: Readonly<Record<string, ContainerRecord>> = Object.fromEntries(
  [
    { name: 'a', mounts: [mount({ volume: 'v1', anonymous: true }), mount({ type: 'tmpfs', target: '/t' })] },
    { name: 'b', mounts: [mount({ type: 'bind', source: '/srv', target: '/srv' }), mount({ volume: 'v2' })] },
  ].map(({ name, mounts }) => [name, sampleRecord({ name, config: { ...sampleRecord().config, mounts } })]),
);
const find = (reference: string): ContainerRecord => {
  const record = holders[reference];
  if (record === undefined) throw new Error(`no ${reference}`);
  return record;
};

test('volumes and binds are taken over, a later container wins, a tmpfs stays', () => {
  const names = (from: string[]) => inheritedMounts(from, find).map(({ target, volume }) => `${target} ${volume}`);
  assert.deepEqual(names(['a']), ['/x v1']);
  assert.deepEqual(names(['a', 'b']), ['/x v2', '/srv ']);
});

test('ro makes all of them read only', () => {
  assert.deepEqual(
    inheritedMounts(['b:ro'], find).map(({ readOnly }) => readOnly),
    [true, true],
  );
  assert.equal(inheritedMounts(['a:rw'], find)[0]?.readOnly, false);
});

test('other modes and unknown containers are refused', () => {
  assert.throws(() => inheritedMounts(['a:rx'], find), { message: 'invalid mode: rx' });
  assert.throws(() => inheritedMounts([':ro'], find), { message: 'malformed volumes-from specification: :ro' });
  assert.throws(() => inheritedMounts(['c'], find), { message: 'no c' });
});
