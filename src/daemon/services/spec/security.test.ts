import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Security } from '../../../api/gen/k3c.ts';
import { NO_SECURITY } from '../../state/spec.ts';
import { toSecurity } from './security.ts';

const device = { hostPath: '/dev/a', containerPath: '/dev/b', permissions: 'rw' };

test('nothing and everything', () => {
  assert.deepEqual(toSecurity(undefined), NO_SECURITY);
  const message = {
    capAdd: ['A'],
    capDrop: ['B'],
    securityOpt: ['c=d'],
    devices: [device],
    deviceCgroupRules: ['c 1:3 r'],
    cdiDevices: ['a/b=c'],
    groupAdd: ['g'],
    runtime: 'r',
  };
  assert.deepEqual(toSecurity(Security.fromPartial(message)), message);
});

for (const [over, message] of [
  [{ hostPath: 'dev/a' }, 'dev/a is not an absolute path'],
  [{ containerPath: '' }, ' is not an absolute path'],
  [{ permissions: '' }, 'bad mode specified: '],
  [{ permissions: 'x' }, 'bad mode specified: x'],
] as const)
  test(`refuses ${JSON.stringify(over)}`, () =>
    assert.throws(() => toSecurity(Security.fromPartial({ devices: [{ ...device, ...over }] })), {
      message,
      reason: 'bad-input',
    }));
