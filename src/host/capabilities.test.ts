import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveCapabilities, ownCapabilities } from './capabilities.ts';

test('a mask of capabilities becomes their names', () => {
  assert.deepEqual(effectiveCapabilities('CapPrm:\tffff\nCapEff:\t0000010000000401\nCapBnd:\t0\n'), [
    'CAP_CHOWN',
    'CAP_NET_BIND_SERVICE',
    'CAP_CHECKPOINT_RESTORE',
  ]);
  assert.deepEqual(effectiveCapabilities('CapEff:\t0000000000000000\n'), []);
});

test('this process has those that the kernel says', async () => {
  const names = await ownCapabilities();
  assert.equal(names.includes('CAP_CHOWN'), process.getuid?.() === 0);
});
