import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toIsolation } from './isolation.ts';

test('nothing asked for is nothing sent', () => assert.equal(toIsolation({}), undefined));

test('every flag has its field', () => {
  const flags = {
    cgroupParent: '/p',
    cgroupns: 'private',
    ipc: 'shareable',
    pid: 'container:web',
    sysctl: [['net.a', '1'] as const, ['net.a', '2'] as const],
    userns: 'host',
    uts: 'host',
  };
  assert.deepEqual(toIsolation(flags), {
    cgroupParent: '/p',
    cgroupnsMode: 'private',
    ipcMode: 'shareable',
    pidMode: 'container:web',
    sysctls: { 'net.a': '2' },
    usernsMode: 'host',
    utsMode: 'host',
  });
});

describe('refused', () => {
  for (const [flags, message] of [
    [{ pid: 'x' }, '--pid: invalid PID mode'],
    [{ pid: 'container:' }, '--pid: invalid PID mode'],
    [{ uts: 'container:web' }, '--uts: invalid UTS mode'],
    [{ userns: 'keep-id' }, '--userns: invalid USER mode'],
    [{ cgroupns: 'x' }, '--cgroupns: invalid CGROUP mode'],
  ] as const)
    test(JSON.stringify(flags), () => assert.throws(() => toIsolation(flags), { message }));
});
