import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Security } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import { toSecurity } from './security.ts';

test('nothing asked for is no message', async () => {
  assert.equal(await toSecurity({}, '/'), undefined);
  assert.equal(await toSecurity({ gpus: [[]] }, '/'), undefined);
});

test('every flag has its place', async () => {
  const message = await toSecurity(
    {
      capAdd: ['net_admin'],
      capDrop: ['ALL'],
      device: ['/dev/null:/dev/x:r', 'vendor.com/class=one'],
      deviceCgroupRule: ['c 1:3 rwm'],
      gpus: [['nvidia.com/gpu=all']],
      groupAdd: ['staff', '7'],
      runtime: 'crun',
      securityOpt: ['no-new-privileges', 'seccomp=unconfined'],
    },
    '/',
  );
  assert.deepEqual(
    message,
    Security.fromPartial({
      capAdd: ['net_admin'],
      capDrop: ['ALL'],
      devices: [{ hostPath: '/dev/null', containerPath: '/dev/x', permissions: 'r' }],
      cdiDevices: ['vendor.com/class=one', 'nvidia.com/gpu=all'],
      deviceCgroupRules: ['c 1:3 rwm'],
      groupAdd: ['staff', '7'],
      runtime: 'crun',
      securityOpt: ['no-new-privileges', 'seccomp=unconfined'],
    }),
  );
});

test("a bad device is told in docker's words, without the usage of a flag", () =>
  assert.rejects(
    toSecurity({ device: ['nope'] }, '/'),
    (error) => error instanceof CliError && error.message === 'nope is not an absolute path',
  ));
