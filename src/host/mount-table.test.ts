import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountsAt } from './mount-table.ts';

const table = `22 1 0:20 / / rw - ext4 /dev/sda rw
30 22 0:21 / /a rw,relatime shared:1 - tmpfs tmpfs rw
31 30 0:22 / /a/b\\040c rw - tmpfs tmpfs rw
32 22 0:23 / /ab rw - tmpfs tmpfs rw
33 31 0:24 / /a/b\\040c rw - tmpfs tmpfs rw
`;

test('mounts at a path and below it, the latest first', () => {
  assert.deepEqual(mountsAt('/a', table), ['/a/b c', '/a/b c', '/a']);
  assert.deepEqual(mountsAt('/ab', table), ['/ab']);
  assert.deepEqual(mountsAt('/nosuch', table), []);
});

test('the root of this machine is mounted', () => assert.ok(mountsAt('/').includes('/')));
