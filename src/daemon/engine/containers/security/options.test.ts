import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSecurityOptions, type SecurityOptions } from './options.ts';

const nothing: SecurityOptions = {
  noNewPrivileges: false,
  seccomp: undefined,
  apparmor: undefined,
  systemPathsUnconfined: false,
  writableCgroups: undefined,
  labels: [],
};

describe('--security-opt', () => {
  const cases: [texts: string[], expected: Partial<SecurityOptions>][] = [
    [[], {}],
    [['no-new-privileges'], { noNewPrivileges: true }],
    [['no-new-privileges:true'], { noNewPrivileges: true }],
    [['no-new-privileges=1'], { noNewPrivileges: true }],
    [['no-new-privileges', 'no-new-privileges=false'], { noNewPrivileges: false }],
    [['seccomp=unconfined'], { seccomp: 'unconfined' }],
    [['seccomp:unconfined'], { seccomp: 'unconfined' }],
    [['seccomp={"defaultAction":"a=b"}'], { seccomp: '{"defaultAction":"a=b"}' }],
    [['apparmor=mine', 'seccomp=builtin'], { apparmor: 'mine', seccomp: 'builtin' }],
    [['apparmor:mine'], { apparmor: 'mine' }],
    [['label=type:svirt_t', 'label:disable', 'disable'], { labels: ['type:svirt_t', 'disable', 'disable'] }],
    [['systempaths=unconfined'], { systemPathsUnconfined: true }],
    [['writable-cgroups'], { writableCgroups: true }],
    [['writable-cgroups=false'], { writableCgroups: false }],
  ];
  for (const [texts, expected] of cases)
    test(texts.join(' ') || 'none', () => assert.deepEqual(parseSecurityOptions(texts), { ...nothing, ...expected }));

  const refused: [text: string, number: 1 | 2][] = [
    ['foo', 1],
    ['', 1],
    ['seccomp', 1],
    ['foo=bar', 2],
    ['foo:bar', 2],
    ['no-new-privileges:maybe', 2],
    ['no-new-privileges=', 2],
    ['writable-cgroups=2', 2],
    ['systempaths=none', 2],
    ['disable=true', 2],
  ];
  for (const [text, number] of refused)
    test(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseSecurityOptions([text]), {
        message: `invalid --security-opt ${number}: "${text}"`,
        reason: 'bad-input',
      }));
});
