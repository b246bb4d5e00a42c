import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountOptions } from './mount-options.ts';

const cases: [string, number, number, string][] = [
  ['', 0, 0, ''],
  ['bind', 4096, 0, ''],
  ['rbind,ro,rslave', 4096 | 16384 | 1, (1 << 19) | 16384, ''],
  ['ro,rw,noexec', 8, 0, ''],
  ['size=1m,uid=1000,nodev,constructor', 4, 0, 'size=1m,uid=1000,constructor'],
  ['addr=10.0.0.1,rw,nfsvers=4', 0, 0, 'addr=10.0.0.1,nfsvers=4'],
];
for (const [text, flags, propagation, data] of cases)
  test(`options '${text}'`, () => assert.deepEqual(parseMountOptions(text), { flags, propagation, data }));
