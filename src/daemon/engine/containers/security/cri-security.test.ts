import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SecurityProfile_ProfileType as ProfileType } from '../../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { ownCapabilities } from '../../../../host/capabilities.ts';
import { NO_SECURITY, type SecuritySpec } from '../../../state/spec.ts';
import { sampleSpec } from '../samples.ts';
import { criSecurity, MASKED_PATHS, prepareSecurity, READONLY_PATHS, type SecurityHost } from './cri-security.ts';

const runtimes = new Set<string>();

async function cri(security: Partial<SecuritySpec>, privileged = false, host: Partial<SecurityHost> = {}) {
  const spec = sampleSpec({ security: { ...NO_SECURITY, ...security }, privileged });
  return criSecurity(spec, await prepareSecurity({ runtimes }, spec), { seccomp: true, apparmor: false, ...host });
}

const options = (...securityOpt: string[]) => ({ securityOpt });
const type = (profileType: ProfileType, localhostRef = '') => ({ profileType, localhostRef });
const byDefault = type(ProfileType.RuntimeDefault);
const unconfined = type(ProfileType.Unconfined);

test("a plain container: containerd's defaults, docker's paths", async () => {
  assert.deepEqual(await cri({}), {
    privileged: false,
    capabilities: undefined,
    noNewPrivs: false,
    seccomp: byDefault,
    apparmor: undefined,
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
    supplementalGroups: [],
  });
});

test('a privileged one: nothing masked, no filter; capabilities are not picked', async () => {
  const { capabilities, seccomp, maskedPaths, readonlyPaths, privileged } = await cri({ capDrop: ['ALL'] }, true);
  assert.deepEqual(
    [privileged, capabilities, seccomp, maskedPaths, readonlyPaths],
    [true, undefined, unconfined, [], []],
  );
});

test('capabilities are given whole, without their prefix', async () => {
  const { capabilities } = await cri({ capAdd: ['cap_net_admin'], capDrop: ['ALL'] });
  assert.deepEqual(capabilities?.addCapabilities, ['NET_ADMIN']);
  assert.deepEqual(capabilities?.dropCapabilities, ['ALL']);
  const all = await cri({ capAdd: ['ALL'] });
  assert.equal(all.capabilities?.addCapabilities.length, (await ownCapabilities()).length);
});

describe('seccomp', () => {
  const profile = 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}';
  const cases: [title: string, option: string[], host: Partial<SecurityHost>, expected: object][] = [
    ['unconfined', ['seccomp=unconfined'], {}, unconfined],
    ['builtin', ['seccomp=builtin'], {}, byDefault],
    ['a profile of the user is put in later', [profile], {}, unconfined],
    ['a kernel without it', [], { seccomp: false }, unconfined],
  ];
  for (const [title, option, host, expected] of cases)
    test(title, async () => assert.deepEqual((await cri(options(...option), false, host)).seccomp, expected));
});

describe('apparmor, where the host has it', () => {
  const cases: [title: string, option: string[], privileged: boolean, expected: object][] = [
    ['nothing said', [], false, byDefault],
    ['privileged', [], true, unconfined],
    ['unconfined', ['apparmor=unconfined'], false, unconfined],
    ["docker's name of the default", ['apparmor=docker-default'], false, byDefault],
    ['a profile', ['apparmor=mine'], false, type(ProfileType.Localhost, 'mine')],
    ['a profile of what is privileged', ['apparmor=mine'], true, type(ProfileType.Localhost, 'mine')],
  ];
  for (const [title, option, privileged, expected] of cases)
    test(title, async () =>
      assert.deepEqual((await cri(options(...option), privileged, { apparmor: true })).apparmor, expected),
    );

  test('where it has not, CRI is told nothing', async () => {
    assert.equal((await cri(options('apparmor=mine'))).apparmor, undefined);
  });
});

test('the other options and groups by number', async () => {
  const { noNewPrivs, maskedPaths, readonlyPaths, supplementalGroups } = await cri({
    securityOpt: ['no-new-privileges', 'systempaths=unconfined'],
    groupAdd: ['7', 'staff', '4242'],
  });
  assert.deepEqual([noNewPrivs, maskedPaths, readonlyPaths, supplementalGroups], [true, [], [], [7n, 4242n]]);
});

test('a start is refused for a runtime that is gone', () =>
  assert.rejects(prepareSecurity({ runtimes }, sampleSpec({ security: { ...NO_SECURITY, runtime: 'crun' } })), {
    message: 'unknown or invalid runtime name: crun',
  }));

test('a start is refused for a group that is no number of a group', () =>
  assert.rejects(
    prepareSecurity({ runtimes }, sampleSpec({ security: { ...NO_SECURITY, groupAdd: ['99999999999'] } })),
    {
      message: 'uids and gids must be in range 0-2147483647',
    },
  ));
