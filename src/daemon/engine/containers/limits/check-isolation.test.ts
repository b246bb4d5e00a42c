import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type IsolationSpec, NO_ISOLATION } from '../../../state/spec.ts';
import { cgroupParentOf, checkIsolation } from './check-isolation.ts';

const host = {
  kernel: { unified: false, cgroupNamespaces: true },
  systemd: false,
  idOf: (reference: string) => (reference === 'web' ? 'abc' : undefined),
};
const check = (over: Partial<IsolationSpec>, hostname = '', on = host) =>
  checkIsolation({ isolation: { ...NO_ISOLATION, ...over }, hostname }, on);

test("docker's defaults", () => {
  assert.deepEqual(check({}), {
    isolation: { ...NO_ISOLATION, ipcMode: 'private', cgroupnsMode: 'host' },
    warnings: [],
  });
  const unified = { ...host, kernel: { unified: true, cgroupNamespaces: true } };
  assert.equal(check({}, '', unified).isolation.cgroupnsMode, 'private');
});

test('another container is kept by its id; one that is not there, as it was named', () => {
  const { isolation } = check({ pidMode: 'container:web', ipcMode: 'container:nope' });
  assert.deepEqual([isolation.pidMode, isolation.ipcMode], ['container:abc', 'container:nope']);
});

test('a kernel without cgroup namespaces', () => {
  const old = { ...host, kernel: { unified: true, cgroupNamespaces: false } };
  assert.deepEqual(check({ cgroupnsMode: 'private' }, '', old).warnings, [
    'Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.',
  ]);
  assert.deepEqual(check({}, '', old).warnings, []);
  assert.equal(check({}, '', old).isolation.cgroupnsMode, 'host');
});

describe('refused', () => {
  for (const [asked, message] of [
    [{ ipcMode: 'x' }, 'invalid IPC mode: x'],
    [{ pidMode: 'private' }, 'invalid PID mode: private'],
    [{ pidMode: 'container:' }, 'invalid PID mode: container:'],
    [{ utsMode: 'x' }, 'invalid UTS mode: x'],
    [{ usernsMode: 'keep-id' }, 'invalid user namespace mode: keep-id'],
    [{ cgroupnsMode: 'x' }, 'invalid cgroup namespace mode: x'],
    [{ cgroupParent: 'a/../..' }, 'invalid cgroup-parent "a/../..": it must not contain ".."'],
    [
      { cgroupParent: 'x.slice' },
      `cgroup-parent "x.slice" names a slice, but this daemon's groups are not made by systemd`,
    ],
  ] as const)
    test(message, () => assert.throws(() => check(asked), { message, reason: 'bad-input' }));
  test('--uts host with --hostname', () =>
    assert.throws(() => check({ utsMode: 'host' }, 'h'), {
      message: 'conflicting options: hostname and the UTS mode',
    }));
  test('a path where systemd makes the groups', () =>
    assert.throws(() => check({ cgroupParent: '/x' }, '', { ...host, systemd: true }), {
      message: 'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"',
    }));
});

test('a parent is a slice or begins at the root', () => {
  assert.equal(cgroupParentOf({ cgroupParent: '' }, '/k3c'), '/k3c');
  assert.equal(cgroupParentOf({ cgroupParent: 'a/b' }, '/k3c'), '/a/b');
  assert.equal(cgroupParentOf({ cgroupParent: '/a' }, '/k3c'), '/a');
  assert.equal(cgroupParentOf({ cgroupParent: 'a.slice' }, 'k3c.slice'), 'a.slice');
});
