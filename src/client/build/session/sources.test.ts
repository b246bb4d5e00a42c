import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PolicyVerifierDefinition } from '../../../api/gen/github.com/moby/buildkit/sourcepolicy/policysession/policysession.ts';
import { createLocalClient } from '../../../api/rpc/local.ts';
import { RpcServer } from '../../../api/rpc/server.ts';
import type { BuildStatus } from '../control.ts';
import { type SourcePreparer, serveSources } from './sources.ts';

function rig(prepare: SourcePreparer) {
  const server = new RpcServer();
  const statuses: BuildStatus[] = [];
  const over = new AbortController();
  serveSources(server, prepare, (status) => statuses.push(status), over.signal);
  const client = createLocalClient(PolicyVerifierDefinition, server);
  const ask = (identifier: string, platform?: { OS: string; Architecture: string; Variant: string }) =>
    client.checkPolicy({
      Source: { Source: { identifier, attrs: {} } },
      ...(platform && { Platform: { ...platform, OSVersion: '', OSFeatures: [] } }),
    });
  return { ask, statuses, over };
}

test('all is allowed; each image is made ready once a platform, and what is none is not', async () => {
  const prepared: string[] = [];
  const { ask, statuses } = rig(async (reference, platform) => {
    prepared.push(`${reference} ${platform}`);
  });
  const arm = { OS: 'linux', Architecture: 'arm64', Variant: 'v8' };
  const amd = { OS: 'linux', Architecture: 'amd64', Variant: '' };
  const answers = await Promise.all([
    ask('docker-image://a.test/x:1@sha256:1', amd),
    ask('docker-image://a.test/x:1@sha256:1', amd),
    ask('docker-image://a.test/x:1@sha256:1', arm),
    ask('docker-image://a.test/y:1'),
    ask('local://context', amd),
    ask('git://a.test/z', amd),
  ]);
  for (const { result } of answers) {
    assert.deepEqual(result, { $case: 'decision', value: { action: 0, denyMessages: [], update: undefined } });
  }
  assert.deepEqual(prepared, ['a.test/x:1@sha256:1 linux/amd64', 'a.test/x:1@sha256:1 linux/arm64/v8', 'a.test/y:1 ']);
  assert.deepEqual(statuses, []);
});

test('what fails is the answer, and what takes its time a step', async () => {
  const { ask, statuses } = rig(async (reference) => {
    await sleep(700);
    if (reference.includes('none')) throw new Error('no such thing');
  });
  await ask('docker-image://a.test/x:1');
  await assert.rejects(ask('docker-image://a.test/none:1'), /no such thing/);
  assert.deepEqual(
    statuses.map(({ vertexes: [vertex] }) => [vertex?.name, vertex?.completed !== undefined, vertex?.error]),
    [
      ['[internal] pull a.test/x:1', false, ''],
      ['[internal] pull a.test/x:1', true, ''],
      ['[internal] pull a.test/none:1', false, ''],
      ['[internal] pull a.test/none:1', true, 'no such thing'],
    ],
  );
});

test('a build that is over ends what is being made ready, and shows it no more', async () => {
  const { ask, statuses, over } = rig((_reference, _platform, signal) => sleep(5000, undefined, { signal }));
  const asked = ask('docker-image://a.test/x:1');
  setTimeout(() => over.abort(), 600);
  await assert.rejects(asked);
  assert.equal(statuses.length, 1);
});
