import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplePod } from '../engine/pods/samples.ts';
import { openDatabase } from './database.ts';

test('a pod reads back as it was written and as it was changed', () => {
  const { pods } = openDatabase(':memory:');
  const pod = samplePod({ createdAt: 1_700_000_000_123_456_789n });
  pods.insert(pod);
  assert.deepEqual(pods.byId(pod.id), pod);
  const changes = {
    state: 'running',
    attempt: 2,
    sandboxId: 's1',
    ip: '10.0.0.2',
    startedAt: 1_700_000_001_123_456_789n,
    ports: [{ hostIp: '', hostPort: 80, containerPort: 80, protocol: 'tcp' }],
    endpoints: [
      { network: 'n', networkName: 'lan', askedIp: '', askedMac: '', aliases: [], ip: '', mac: '', interface: '' },
    ],
  } as const;
  assert.equal(pods.update(pod.id, changes), true);
  assert.deepEqual(pods.byName('duo'), { ...pod, ...changes });
  assert.equal(pods.update(pod.id, { ip: '' }), true);
  assert.equal(pods.byId(pod.id)?.ip, '');
});

test('a pod is found by the beginning of its id and by its sandbox, until it is gone', () => {
  const { pods } = openDatabase(':memory:');
  pods.insert(samplePod({ id: 'aa'.repeat(32), name: 'one', createdAt: 1n, sandboxId: 's1' }));
  pods.insert(samplePod({ id: `aab${'0'.repeat(61)}`, name: 'two', createdAt: 2n }));
  assert.deepEqual(
    pods.list().map(({ name }) => name),
    ['two', 'one'],
  );
  assert.equal(pods.byIdPrefix('aa').length, 2);
  assert.deepEqual(
    pods.byIdPrefix('aab').map(({ name }) => name),
    ['two'],
  );
  assert.equal(pods.bySandbox('s1'), 'aa'.repeat(32));
  assert.throws(() => pods.insert(samplePod({ id: 'bb'.repeat(32), name: 'one' })));
  assert.equal(pods.delete('aa'.repeat(32)), true);
  assert.equal(pods.delete('aa'.repeat(32)), false);
  assert.equal(pods.update('aa'.repeat(32), { ip: '1' }), false);
});
