import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { resolveInRoot } from './rooted-path.ts';
import { findGroups, findUser, resolveUser, userError } from './users.ts';

const passwd = 'root:x:0:0:root:/:/bin/sh\napp:x:100:101::/:/bin/sh\n# comment\n7:x:1007:1008::/:\n';
const group = 'root:x:0:\nwheel:x:10:root,app\napp:x:101:\nstaff:x:50:app\n';

test('names, numbers and groups as docker reads them', () => {
  for (const [text, expected] of [
    ['app', { uid: 100, gid: 101, additionalGids: [101, 10, 50] }],
    ['100', { uid: 100, gid: 101, additionalGids: [101, 10, 50] }],
    ['4242', { uid: 4242, gid: 0, additionalGids: [0] }],
    ['app:staff', { uid: 100, gid: 50, additionalGids: [50] }],
    ['1:2', { uid: 1, gid: 2, additionalGids: [2] }],
    ['7', { uid: 1007, gid: 1008, additionalGids: [1008] }],
    ['root', { uid: 0, gid: 0, additionalGids: [0, 10] }],
  ] as const)
    assert.deepEqual(findUser(text, passwd, group), expected, text);
  assert.throws(() => findUser('ghost', passwd, group), {
    message: 'unable to find user ghost: no matching entries in passwd file',
  });
  assert.throws(() => findUser('app:ghosts', passwd, group), {
    message: 'unable to find group ghosts: no matching entries in group file',
  });
  assert.throws(() => findUser('2147483648', passwd, group), /must be in range/);
});

test('added groups by name and number', () => {
  assert.deepEqual(findGroups(['staff', '4242', 'wheel', '50'], group), [50, 4242, 10]);
  assert.deepEqual(findGroups([], group), []);
  assert.throws(() => findGroups(['ghosts'], group), {
    message: 'Unable to find group ghosts: no matching entries in group file',
    reason: 'bad-input',
  });
  assert.throws(() => findGroups(['2147483648'], group), {
    message: 'uids and gids must be in range 0-2147483647',
  });
});

test("containerd's errors of users in docker's words", () => {
  for (const [text, message] of [
    [
      'failed to create containerd container: no users found',
      'unable to find user a: no matching entries in passwd file',
    ],
    ['x: no groups found', 'unable to find group b: no matching entries in group file'],
    ['invalid USER value "99999999999": uid out of range', 'uids and gids must be in range 0-2147483647'],
    ['invalid USER value "1:99999999999": gid out of range', 'uids and gids must be in range 0-2147483647'],
  ] as const)
    assert.deepEqual((userError(new Error(text), 'a:b') as Error).message, message);
  const other = new Error('other');
  assert.equal(userError(other, 'a:b'), other);
});

const directory = mkdtempSync(join(tmpdir(), 'k3c-root-'));
after(() => rmSync(directory, { recursive: true }));

test('links stay inside the root', async () => {
  const root = join(directory, 'root');
  mkdirSync(join(root, 'etc'), { recursive: true });
  mkdirSync(join(root, 'real'));
  symlinkSync('/etc', join(root, 'abs'));
  symlinkSync('../../../../real', join(root, 'up'));
  symlinkSync('loop', join(root, 'loop'));
  assert.equal(await resolveInRoot(root, '/abs/passwd'), join(root, 'etc/passwd'));
  assert.equal(await resolveInRoot(root, 'up/x'), join(root, 'real/x'));
  assert.equal(await resolveInRoot(root, '/../../nosuch/./y'), join(root, 'nosuch/y'));
  await assert.rejects(resolveInRoot(root, '/loop/x'), { code: 'ELOOP' });
});

test('a container without passwd, or with a link to that of the host, has no names', async () => {
  const root = join(directory, 'bare');
  mkdirSync(join(root, 'etc'), { recursive: true });
  assert.deepEqual(await resolveUser(root, '5:6'), { uid: 5, gid: 6, additionalGids: [6] });
  symlinkSync('/etc/passwd', join(root, 'etc/passwd'));
  await assert.rejects(resolveUser(root, 'root'));
  rmSync(join(root, 'etc/passwd'));
  writeFileSync(join(root, 'etc/passwd'), passwd);
  assert.equal((await resolveUser(root, 'app')).uid, 100);
});
