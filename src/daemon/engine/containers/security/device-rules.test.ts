import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceRules } from './device-rules.ts';

test('numbers and stars', () => {
  assert.deepEqual(deviceRules(['c 1:3 rwm', 'b *:* m', 'a 10:* r']), [
    { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
    { allow: true, type: 'b', major: -1, minor: -1, access: 'm' },
    { allow: true, type: 'a', major: 10, minor: -1, access: 'r' },
  ]);
});

for (const rule of ['', 'c 1:3', 'x 1:3 r', 'c 1:3 q', 'c 1:3 rwmr', 'c 99999999999999999999:3 r', ' c 1:3 r'])
  test(`refuses ${JSON.stringify(rule)}`, () =>
    assert.throws(() => deviceRules([rule]), { message: `invalid device cgroup rule format: '${rule}'` }));
