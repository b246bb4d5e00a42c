import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseShare } from './shared-namespaces.ts';

describe('--share', () => {
  for (const [text, pid] of [
    ['ipc,net,uts', false],
    ['uts,IPC, net', false],
    ['net,ipc,uts,pid', true],
    ['+pid', true],
    ['+net', false],
  ] as const)
    test(text, () => assert.deepEqual(parseShare(text), { pid }));

  for (const [text, message] of [
    ['', /ipc and net and uts cannot be left out/],
    ['none', /ipc and net and uts cannot be left out/],
    ['net', /ipc and uts cannot be left out/],
    ['ipc,pid', /net and uts cannot be left out/],
    ['ipc,net,uts,cgroup', /cannot share "cgroup"/],
    ['+user', /cannot share "user"/],
    ['ipc,net,uts,', /cannot share ""/],
  ] as const)
    test(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseShare(text), { message }));
});
