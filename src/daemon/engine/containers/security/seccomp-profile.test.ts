import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SeccompHost, toOciSeccomp } from './seccomp-profile.ts';

const host: SeccompHost = { bounding: ['CAP_CHOWN', 'CAP_SYS_ADMIN'], arch: 'amd64', kernel: '6.1.0-13-amd64' };
const turn = (profile: unknown, over: Partial<SeccompHost> = {}) =>
  toOciSeccomp(JSON.stringify(profile), { ...host, ...over });
const rule = (more: Record<string, unknown> = {}) => ({ names: ['bpf'], action: 'SCMP_ACT_ALLOW', ...more });
/** The names of the rules that are left of a profile with this one. */
const kept = (more: Record<string, unknown>, over: Partial<SeccompHost> = {}) =>
  JSON.stringify(turn({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule(more)] }, over)).includes('"bpf"');

describe('seccomp profiles', () => {
  test('what needs no decision passes', () => {
    assert.deepEqual(
      turn({
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 38,
        flags: ['SECCOMP_FILTER_FLAG_LOG'],
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [
          rule({ comment: 'gone', includes: {}, excludes: {}, args: null }),
          { name: 'chmod', action: 'SCMP_ACT_ERRNO', errnoRet: 1, args: [{ index: 1, value: 8, op: 'SCMP_CMP_EQ' }] },
        ],
      }),
      {
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 38,
        flags: ['SECCOMP_FILTER_FLAG_LOG'],
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [
          { names: ['bpf'], action: 'SCMP_ACT_ALLOW' },
          {
            names: ['chmod'],
            action: 'SCMP_ACT_ERRNO',
            errnoRet: 1,
            args: [{ index: 1, value: 8, op: 'SCMP_CMP_EQ' }],
          },
        ],
      },
    );
  });

  test("archMap: the host's own with those that come with it", () => {
    const archMap = [
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    ];
    assert.deepEqual(turn({ defaultAction: 'SCMP_ACT_ALLOW', archMap }), {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      syscalls: [],
    });
    assert.equal(turn({ defaultAction: 'SCMP_ACT_ALLOW', archMap: archMap.slice(0, 1) })?.['architectures'], undefined);
  });

  test('a profile that says nothing is no filter', () => {
    assert.equal(turn({}), undefined);
    assert.equal(turn({ defaultAction: '', syscalls: null }), undefined);
  });

  const decisions: [title: string, more: Record<string, unknown>, kept: boolean][] = [
    ['includes caps that it has', { includes: { caps: ['CAP_SYS_ADMIN', 'CAP_CHOWN'] } }, true],
    ['includes caps of which it has not all', { includes: { caps: ['CAP_SYS_ADMIN', 'CAP_BPF'] } }, false],
    ['excludes caps that it has not', { excludes: { caps: ['CAP_BPF'] } }, true],
    ['excludes caps of which it has one', { excludes: { caps: ['CAP_BPF', 'CAP_CHOWN'] } }, false],
    ['includes its processor', { includes: { arches: ['arm64', 'amd64'] } }, true],
    ['includes another processor', { includes: { arches: ['arm64'] } }, false],
    ['excludes its processor', { excludes: { arches: ['amd64'] } }, false],
    ['excludes another processor', { excludes: { arches: ['s390'] } }, true],
    ['includes this kernel', { includes: { minKernel: '6.1' } }, true],
    ['includes an older kernel', { includes: { minKernel: '4.8' } }, true],
    ['includes a newer kernel', { includes: { minKernel: '6.2' } }, false],
    ['excludes an older kernel', { excludes: { minKernel: '5.19' } }, false],
    ['excludes a newer kernel', { excludes: { minKernel: '10.0' } }, true],
  ];
  for (const [title, more, expected] of decisions) test(title, () => assert.equal(kept(more), expected));

  test('a kernel is compared by number', () => {
    assert.equal(kept({ includes: { minKernel: '4.8' } }, { kernel: '4.19.0' }), true);
    assert.equal(kept({ includes: { minKernel: '4.8' } }, { kernel: '4.4' }), false);
  });

  const ok = { defaultAction: 'SCMP_ACT_ERRNO' };
  const refused: [title: string, profile: unknown, sentence: RegExp][] = [
    ['an unknown default action', { defaultAction: 'NO' }, /^string NO is not a valid action for seccomp$/],
    ['no default action', { syscalls: [rule()] }, /^string {2}is not a valid action for seccomp$/],
    ['an unknown action', { ...ok, syscalls: [rule({ action: 'NO' })] }, /^string NO is not a valid action/],
    ['both names', { ...ok, syscalls: [rule({ name: 'a' })] }, /^both 'name' and 'names' are specified/],
    [
      'both kinds of processors',
      { ...ok, architectures: ['A'], archMap: [{ architecture: 'B' }] },
      /^both 'architectures' and 'archMap' are specified/,
    ],
    ['a number for a word', { defaultAction: 5 }, /^Decoding seccomp profile failed: defaultAction must be a string$/],
    ['a list', [], /^Decoding seccomp profile failed: the profile must be an object$/],
    ['a word for a list', { ...ok, syscalls: 'all' }, /^Decoding .* failed: syscalls must be a list$/],
    ['a word for a rule', { ...ok, syscalls: ['all'] }, /^Decoding .* failed: syscalls must be an object$/],
    [
      'a kernel of one number',
      { ...ok, syscalls: [rule({ includes: { minKernel: '6' } })] },
      /invalid kernel version: "6", expected "<kernel>\.<major>"$/,
    ],
    [
      'a number that would be rounded',
      { ...ok, syscalls: [rule({ args: [{ index: 0, value: 2 ** 53, op: 'SCMP_CMP_EQ' }] })] },
      /failed: 9007199254740992 is not a whole number up to 9007199254740991$/,
    ],
  ];
  for (const [title, profile, message] of refused)
    test(`refuses ${title}`, () => assert.throws(() => turn(profile), { message, reason: 'bad-input' }));

  test('refuses what is not JSON', () =>
    assert.throws(() => toOciSeccomp('builtout', host), { message: /^Decoding seccomp profile failed: ./ }));
});
