import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands, groups } from '../list.ts';
import { complete, type Lookup } from './complete.ts';

const asked: string[] = [];
const lookup: Lookup = (kind) => {
  asked.push(kind);
  const names = kind === 'image' ? ['busybox:latest', 'app:1'] : ['web', 'worker', 'db'];
  return Promise.resolve(names.map((word) => ({ word, about: kind })));
};

/** The words that may stand there, with `:files` where names of files may. */
async function at(line: string): Promise<string[]> {
  const { candidates, files } = await complete(line.split(' '), { list: commands, groups, roles: {} }, lookup);
  return [...candidates.map(({ word }) => word), ...(files ? [':files'] : [])];
}

test('commands, groups and what is in them', async () => {
  assert.deepEqual(
    (await at('sta')).filter((word) => word === 'start'),
    ['start'],
  );
  assert.ok((await at('')).includes('container') && !(await at('')).includes('__complete'));
  assert.ok((await at('container l')).includes('ls'));
  assert.deepEqual(await at('nosuch '), []);
  assert.ok((await at('-H /tmp/sock ru')).includes('run'));
});

test('operands by kind, the last kind for all that follow', async () => {
  assert.deepEqual(await at('rm w'), ['web', 'worker']);
  assert.deepEqual(await at('rm -f web wo'), ['worker']);
  assert.deepEqual(await at('logs web '), []);
  assert.deepEqual(await at('run --rm bus'), ['busybox:latest']);
  assert.deepEqual(await at('run busybox /bin/'), [':files']);
  asked.length = 0;
  await at('exec -it ');
  assert.deepEqual(asked, ['running']);
});

test('flags by name, until the command of the container begins', async () => {
  assert.deepEqual(await at('run --detach-'), ['--detach-keys']);
  assert.deepEqual(await at('run busybox --detach-'), [':files']);
  assert.deepEqual(await at('run -- --detach-'), []);
});

test('values of flags: words, names, files, and nothing where nothing is known', async () => {
  assert.deepEqual(await at('run --pull n'), ['never']);
  assert.deepEqual(await at('run --pull=n'), ['--pull=never']);
  assert.deepEqual(await at('run --volumes-from w'), ['web', 'worker']);
  assert.deepEqual(await at('run --env-file x'), [':files']);
  assert.deepEqual(await at('run --name x'), []);
  assert.deepEqual(await at('run -itw x'), []);
});
