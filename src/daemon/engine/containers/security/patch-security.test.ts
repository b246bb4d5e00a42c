import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleOciSpec } from '../samples.ts';
import { addDeviceRules, addGroups, leaveOutX32, setCgroupsWritable } from './patch-security.ts';

test('rules for devices come after those that are there', () => {
  const spec = sampleOciSpec();
  spec.linux.resources = { devices: [{ allow: false, access: 'rwm' }], pids: { limit: 5 } };
  addDeviceRules(spec, ['c 10:229 rw']);
  assert.deepEqual(spec.linux.resources, {
    devices: [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
    ],
    pids: { limit: 5 },
  });
});

test('groups are added once each', () => {
  const spec = sampleOciSpec();
  spec.process.user = { uid: 0, gid: 0, additionalGids: [0, 7] };
  addGroups(spec, [7, 50, 50]);
  assert.deepEqual(spec.process.user.additionalGids, [0, 7, 50]);
});

test('the cgroup mount alone changes its mode', () => {
  const spec = sampleOciSpec();
  const proc = { destination: '/proc', type: 'proc', options: ['ro'] };
  spec.mounts = [proc, { destination: '/sys/fs/cgroup', type: 'cgroup', options: ['nosuid', 'ro'] }];
  setCgroupsWritable(spec, true);
  assert.deepEqual(spec.mounts[1]?.options, ['nosuid', 'rw']);
  setCgroupsWritable(spec, false);
  assert.deepEqual(spec.mounts[1]?.options, ['nosuid', 'ro']);
  assert.deepEqual(spec.mounts[0], proc);
});

test('the default profile goes without x32 and keeps the 32-bit programs of x86', () => {
  const spec = sampleOciSpec();
  const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
  spec.linux.seccomp = { defaultAction: 'SCMP_ACT_ERRNO', architectures };
  leaveOutX32(spec);
  assert.deepEqual(spec.linux.seccomp, {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
  });
  delete spec.linux.seccomp;
  leaveOutX32(spec);
  assert.equal(spec.linux.seccomp, undefined);
});
