import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkLabel, checkVariable, proxyVariables, readEnvironment, readLabelFiles, toLabels } from './environment.ts';

test('files come first, names without a value take the environment’s', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-env-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'env'), '# no\n\n  A=1 # kept\nHOME\nGONE\nB=x=y\r\n');
  assert.deepEqual(await readEnvironment(['env'], ['A=2', 'HOME', 'NONE'], { HOME: '/root' }, directory), [
    'A=1 # kept',
    'HOME=/root',
    'B=x=y',
    'A=2',
    'HOME=/root',
  ]);
  await writeFile(join(directory, 'bad'), 'A B=1\n');
  await assert.rejects(readEnvironment(['bad'], [], {}, directory), {
    message: "invalid env file (bad): variable 'A B' contains whitespaces",
  });
  await assert.rejects(readEnvironment(['nope'], [], {}, directory), {
    message: 'open nope: no such file or directory',
  });
  await writeFile(join(directory, 'labels'), '# no\na=b\nc\n');
  assert.deepEqual(toLabels(await readLabelFiles(['labels'], directory)), { a: 'b', c: '' });
});

test('proxies count in upper and in lower case, but for names that are given, even without a value', () => {
  const proxies = { HTTP_PROXY: 'http://p', NO_PROXY: 'a,b' };
  assert.deepEqual(proxyVariables(proxies, ['http_proxy=x=y', 'NO_PROXY', 'Http_Proxy=z']), [
    'HTTP_PROXY=http://p',
    'no_proxy=a,b',
  ]);
  assert.deepEqual(proxyVariables({}, ['A=1']), []);
});

test('variables and labels must have a name', () => {
  assert.throws(() => checkVariable('='), { message: 'invalid environment variable: =' });
  assert.throws(() => checkLabel('=x'), { message: "invalid label '=x': empty name" });
  assert.deepEqual(toLabels(['a=1', 'b', 'a=2=3']), { a: '2=3', b: '' });
});
