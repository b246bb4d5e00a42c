import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_SECURITY } from '../../../state/spec.ts';
import { sampleSpec } from '../samples.ts';
import { appArmorProfile, securityOf } from './security.ts';

test("nothing asked for is null, but for the runtime and docker's paths", () => {
  const { MaskedPaths, ReadonlyPaths, ...rest } = securityOf(sampleSpec({}));
  assert.deepEqual(rest, {
    CapAdd: null,
    CapDrop: null,
    GroupAdd: null,
    Privileged: false,
    SecurityOpt: null,
    Runtime: 'runc',
  });
  assert.ok((MaskedPaths as string[]).includes('/proc/kcore'));
  assert.ok((ReadonlyPaths as string[]).includes('/proc/sys'));
});

test('what was asked for, the open paths as empty lists', () => {
  const security = {
    ...NO_SECURITY,
    capAdd: ['NET_ADMIN'],
    groupAdd: ['7'],
    runtime: 'crun',
    securityOpt: ['systempaths=unconfined', 'no-new-privileges'],
  };
  assert.deepEqual(securityOf(sampleSpec({ security })), {
    CapAdd: ['NET_ADMIN'],
    CapDrop: null,
    GroupAdd: ['7'],
    Privileged: false,
    SecurityOpt: ['no-new-privileges'],
    Runtime: 'crun',
    MaskedPaths: [],
    ReadonlyPaths: [],
  });
});

test('a privileged container has no paths at all', () => {
  const { MaskedPaths, ReadonlyPaths } = securityOf(sampleSpec({ privileged: true }));
  assert.deepEqual([MaskedPaths, ReadonlyPaths], [null, null]);
});

test('the profile of AppArmor', () => {
  const mine = { ...NO_SECURITY, securityOpt: ['apparmor=mine'] };
  assert.equal(appArmorProfile(sampleSpec({})), 'docker-default');
  assert.equal(appArmorProfile(sampleSpec({ privileged: true })), 'unconfined');
  assert.equal(appArmorProfile(sampleSpec({ security: mine, privileged: true })), 'mine');
});
