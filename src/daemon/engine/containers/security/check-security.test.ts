import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NO_SECURITY, type SecuritySpec } from '../../../state/spec.ts';
import { sampleSpec } from '../samples.ts';
import { checkSecurity, type SecurityCheckHost, securityWarnings } from './check-security.ts';

const host: SecurityCheckHost = { runtimes: new Set(['crun']), seccomp: true };
const spec = (security: Partial<SecuritySpec>, privileged = false) =>
  sampleSpec({ security: { ...NO_SECURITY, ...security }, privileged });

test('takes what can be done', async () => {
  for (const security of [
    {},
    { capAdd: ['chown'], capDrop: ['all'] },
    { runtime: 'runc' },
    { runtime: 'crun' },
    { securityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', 'label=disable', 'apparmor=x'] },
    { deviceCgroupRules: ['c *:* m'] },
  ])
    await checkSecurity(host, spec(security));
});

describe('refuses', () => {
  const cases: [title: string, security: Partial<SecuritySpec>, sentence: string][] = [
    ['a capability', { capAdd: ['foo'] }, 'invalid CapAdd: unknown capability: "CAP_FOO"'],
    ['an option', { securityOpt: ['foo=bar'] }, 'invalid --security-opt 2: "foo=bar"'],
    ['an action', { securityOpt: ['seccomp={"defaultAction":"X"}'] }, 'string X is not a valid action for seccomp'],
    ['a rule', { deviceCgroupRules: ['foo'] }, "invalid device cgroup rule format: 'foo'"],
    ['a runtime', { runtime: 'nope' }, 'unknown or invalid runtime name: nope'],
  ];
  for (const [title, security, message] of cases)
    test(title, () => assert.rejects(checkSecurity(host, spec(security)), { message, reason: 'bad-input' }));

  test('an unknown runtime, naming those that there are', () =>
    assert.rejects(checkSecurity(host, spec({ runtime: 'x' })), {
      hint: /^the runtimes of this daemon are runc, crun;/,
    }));

  test('a profile where the kernel has no seccomp', () =>
    assert.rejects(
      checkSecurity({ ...host, seccomp: false }, spec({ securityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] })),
      { message: 'seccomp is not enabled in your kernel, cannot run a custom seccomp profile' },
    ));

  test('the builtin profile for what is privileged', () =>
    assert.rejects(checkSecurity(host, spec({ securityOpt: ['seccomp=builtin'] }, true)), {
      message: 'conflicting options: --privileged and the builtin seccomp profile',
    }));
});

test('warns of what this host does nothing about', () => {
  const warned = (option: string, apparmor: boolean) => securityWarnings(spec({ securityOpt: [option] }), { apparmor });
  assert.deepEqual(warned('apparmor=mine', false), ['This host has no AppArmor. The profile mine is not applied.']);
  assert.deepEqual(warned('apparmor=mine', true), []);
  assert.deepEqual(warned('apparmor=unconfined', false), []);
  assert.deepEqual(warned('label=disable', false), []);
  assert.deepEqual(warned('label=type:x', true), ['k3c does not label containers for SELinux. Discarded: type:x']);
});
