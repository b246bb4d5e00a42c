import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountsAt, mountsThatMayHang } from './mount-table.ts';

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

test('mounts that others answer for', () => {
  const types = ['nfs4', 'cifs', 'fuse.sshfs', 'fuse', 'autofs', '9p', 'ext4', 'tmpfs', 'overlay', 'nsfs', 'fusectl'];
  const lines = types.map((type, i) => `${i} 22 0:${i} / /m/${type}\\040x rw,relatime shared:1 - ${type} a:/b rw`);
  assert.deepEqual(
    [...mountsThatMayHang([...lines, '1 1 0:2 / / rw - nfs4 a:/ rw', ''].join('\n'))],
    types.slice(0, 6).map((type) => `/m/${type} x`),
  );
});
