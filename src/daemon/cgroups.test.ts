import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupParents } from './cgroups.ts';

test('the default daemon has k3c, others add their bridge, slices nest by dashes', () => {
  assert.deepEqual(cgroupParents('k3c0', 'cgroupfs'), { containers: '/k3c', builds: '/k3c/build' });
  assert.deepEqual(cgroupParents('br-x.1', 'cgroupfs'), { containers: '/k3c-br_x_1', builds: '/k3c-br_x_1/build' });
  assert.deepEqual(cgroupParents('k3c0', 'systemd'), { containers: 'k3c.slice', builds: 'k3c-build.slice:buildkit:' });
  assert.deepEqual(cgroupParents('br9', 'systemd'), {
    containers: 'k3c-br9.slice',
    builds: 'k3c-br9-build.slice:buildkit:',
  });
});
