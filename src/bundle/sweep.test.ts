import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { holdTree, sweepTrees } from './sweep.ts';

const tree = (letter: string) => letter.repeat(32);

/** Trees with lock files, the first the oldest. */
async function base(t: TestContext, ...letters: readonly string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-sweep-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const [age, letter] of letters.entries()) {
    await mkdir(join(directory, tree(letter)));
    await utimes(join(directory, tree(letter)), age, age);
    await writeFile(join(directory, `.lock-${tree(letter)}`), '');
  }
  return directory;
}

const left = async (directory: string) => (await readdir(directory)).sort();
const both = (...letters: readonly string[]) => [...letters.map((one) => `.lock-${tree(one)}`), ...letters.map(tree)];

test('the newest and the current tree stay, the others go with their locks', async (t) => {
  const directory = await base(t, 'a', 'b', 'c');
  await sweepTrees(directory, { current: tree('a'), keep: 2, hasLocks: true });
  assert.deepEqual(await left(directory), both('a', 'c'));
});

test('a tree that another daemon removes at the same time is no failure', async (t) => {
  const directory = await base(t, 'a', 'b', 'c');
  // There by name, and gone when it is looked at.
  await symlink('/nowhere/at/all', join(directory, tree('d')));
  await sweepTrees(directory, { current: tree('a'), keep: 2, hasLocks: true });
  assert.deepEqual(await left(directory), both('a', 'c'));
});

test('what somebody holds stays until he lets go, though no process is seen to run from it', async (t) => {
  const directory = await base(t, 'a', 'b', 'c');
  const options = { current: tree('c'), keep: 1, hasLocks: true };
  const [one, two] = [await holdTree(directory, tree('a')), await holdTree(directory, tree('a'))];
  await sweepTrees(directory, options);
  assert.deepEqual(await left(directory), both('a', 'c'));
  await one();
  await sweepTrees(directory, options);
  assert.deepEqual(await left(directory), both('a', 'c'));
  await two();
  await sweepTrees(directory, options);
  assert.deepEqual(await left(directory), both('c'));
});

test('locks of trees that are gone go; one whose tree is being filled stays', async (t) => {
  const directory = await base(t, 'a');
  await writeFile(join(directory, `.lock-${tree('b')}`), '');
  const filling = await holdTree(directory, tree('d'));
  await sweepTrees(directory, { current: tree('a'), keep: 2, hasLocks: true });
  assert.deepEqual(await left(directory), [`.lock-${tree('a')}`, `.lock-${tree('d')}`, tree('a')]);
  await filling();
});
