import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAnswer } from './answer.ts';

const lint = { name: 'lint', format: '', ignoreStatus: false };
const found = {
  'result.json': JSON.stringify({ warnings: [{}, {}] }),
  'result.txt': '\nWARNING: X\n',
  'result.statuscode': '1',
};

test('checks that found something are counted and end with 1, unless that is not wanted', () => {
  assert.deepEqual(formatAnswer(lint, found), {
    stdout: 'Check complete, 2 warnings have been found!\n\nWARNING: X\n',
    stderr: '',
    code: 1,
  });
  assert.equal(formatAnswer({ ...lint, ignoreStatus: true }, found).code, 0);
  const one = { ...found, 'result.json': JSON.stringify({ warnings: [{}] }) };
  assert.match(formatAnswer(lint, one).stdout, /^Check complete, 1 warning has been found!\n/);
});

test('checks that found nothing say so', () => {
  assert.deepEqual(formatAnswer(lint, { 'result.json': '{"warnings":null}', 'result.statuscode': '0' }), {
    stdout: 'Check complete, no warnings found.\n',
    stderr: '',
    code: 0,
  });
});

test('a Dockerfile that cannot be read is an error with its place', () => {
  const data = Buffer.from('FROM x\nRUNN\n').toString('base64');
  const result = {
    sources: [{ filename: 'Dockerfile', data }],
    buildError: { message: 'unknown instruction: RUNN', location: { ranges: [{ start: { line: 2 }, end: {} }] } },
  };
  const { stdout, stderr, code } = formatAnswer(lint, { 'result.json': JSON.stringify(result) });
  assert.deepEqual([stdout, code], ['', 1]);
  assert.match(stderr, /^ERROR: unknown instruction: RUNN\nDockerfile:2\n-+\n {3}1 \| {5}FROM x\n {3}2 \| >>> RUNN\n/);
});

test('other questions print their text; JSON is passed on as it came', () => {
  const response = { 'result.json': '{"a":1}', 'result.txt': 'TARGET: x\n' };
  assert.equal(formatAnswer({ ...lint, name: 'outline' }, response).stdout, 'TARGET: x\n');
  assert.equal(formatAnswer({ ...lint, name: 'targets', format: 'json' }, response).stdout, '{"a":1}\n');
  assert.equal(formatAnswer({ ...lint, format: 'json' }, response).stdout, '{"a":1}\n');
});
