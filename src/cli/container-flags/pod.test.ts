import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '../../../test/support/cli.ts';

test('--pod is asked of the daemon, which knows what the pod decides', async () => {
  const { code, spec } = await create('--pod', 'web', '-p', '80', '--hostname', 'h');
  assert.deepEqual([code, spec?.pod, spec?.ports.length, spec?.hostname], [0, 'web', 1, 'h']);
});

test('a network beside a pod is refused, by any name: the daemon could not tell the default from none', async () => {
  for (const network of ['bridge', 'default', 'lan']) {
    const { code, err, spec } = await create('--pod', 'web', '--network', network);
    assert.deepEqual([code, spec], [125, undefined]);
    assert.equal(err.split('\n')[0], 'k3c: conflicting options: --network and --pod web');
  }
  assert.equal((await create('--pod', 'new:web', '--network', 'lan')).spec?.networkMode, 'lan');
});
