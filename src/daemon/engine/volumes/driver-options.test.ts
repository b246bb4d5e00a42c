import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code } from '../../../api/errors.ts';
import { checkDriver, mountOf } from './driver-options.ts';

describe('options of the local driver', () => {
  test('none, and all three, are taken', () => {
    checkDriver('v', '', {});
    checkDriver('v', 'local', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' });
  });
  const wrong: [string, Record<string, string>, string, number][] = [
    ['local', { foo: 'x' }, 'create v: invalid option: "foo"', Code.INVALID_ARGUMENT],
    ['local', { type: 'nfs' }, 'create v: missing required option: "device"', Code.INVALID_ARGUMENT],
    ['local', { device: '/dev/x' }, 'create v: missing required option: "type"', Code.INVALID_ARGUMENT],
    ['local', { o: 'bind' }, 'create v: missing required option: "device"', Code.INVALID_ARGUMENT],
    ['local', { size: '1g' }, 'create v: quota size requested but no quota support', Code.INVALID_ARGUMENT],
    [
      'local',
      { type: 'cifs', device: '//host:445/share' },
      "create v: port not allowed in CIFS device URL, include 'port' in 'o='",
      Code.INVALID_ARGUMENT,
    ],
    ['nfs', {}, 'create v: error looking up volume plugin nfs: plugin "nfs" not found', Code.NOT_FOUND],
  ];
  for (const [driver, options, message, code] of wrong)
    test(message, () => assert.throws(() => checkDriver('v', driver, options), { message, code }));

  test('what is mounted', () => {
    assert.equal(mountOf({}), undefined);
    assert.deepEqual(mountOf({ type: 'none', device: '/srv', o: 'bind' }), {
      type: 'none',
      device: '/srv',
      options: 'bind',
    });
  });
});
