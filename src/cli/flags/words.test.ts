import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDetachKeys } from './detach-keys.ts';
import { parseFilter, parseRestart, parseStream, toEntrypoint, toFilters } from './words.ts';

describe('--restart', () => {
  const cases: [string, string, number][] = [
    ['no', 'no', 0],
    ['', 'no', 0],
    ['always', 'always', 0],
    ['unless-stopped', 'unless-stopped', 0],
    ['on-failure', 'on-failure', 0],
    ['on-failure:5', 'on-failure', 5],
  ];
  for (const [text, name, maximumRetryCount] of cases) {
    test(text, () => assert.deepEqual(parseRestart(text), { name, maximumRetryCount }));
  }
  for (const text of ['sometimes', 'always:1', 'on-failure:x', 'on-failure:1:2', ':1']) {
    test(`refuses ${text}`, () => assert.throws(() => parseRestart(text), { message: /^invalid restart policy/ }));
  }
});

test('filters of one name are together', () => {
  const pairs = ['status=exited', 'label=a=b', 'Status = created'].map(parseFilter);
  assert.deepEqual(toFilters(pairs), { status: { values: ['exited', 'created'] }, label: { values: ['a=b'] } });
  assert.throws(() => parseFilter('x'), { message: 'bad format of filter (expected name=value)' });
});

test('an empty entrypoint is not an absent one', () => {
  assert.equal(toEntrypoint(undefined), undefined);
  assert.deepEqual(toEntrypoint(''), { values: [] });
  assert.deepEqual(toEntrypoint('/bin/sh -c'), { values: ['/bin/sh -c'] });
});

test('streams go by any case', () => {
  assert.equal(parseStream('STDIN'), 'stdin');
  assert.throws(() => parseStream('x'), { message: 'valid streams are STDIN, STDOUT and STDERR' });
});

describe('--detach-keys', () => {
  const cases: [string | undefined, number[]][] = [
    [undefined, [16, 17]],
    ['', [16, 17]],
    ['ctrl-p,ctrl-q', [16, 17]],
    ['a', [97]],
    ['ctrl-a,d', [1, 100]],
    ['ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', [0, 27, 28, 29, 30, 31]],
  ];
  for (const [text, bytes] of cases) test(String(text), () => assert.deepEqual([...parseDetachKeys(text)], bytes));
  for (const text of ['ctrl-A', 'ab', 'ctrl-', 'a,']) {
    test(`refuses ${text}`, () => assert.throws(() => parseDetachKeys(text), { message: /^invalid detach keys/ }));
  }
});
