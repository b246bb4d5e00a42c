import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, hasCode } from '../../../api/errors.ts';
import { toBytes } from './bytes.ts';
import { PatternList } from './patterns.ts';

/** Lines of an ignore file, a path, and whether patternmatcher v0.6.1 says that it matches (checked against it). */
const verdicts: readonly [lines: readonly string[], path: string, matches: boolean][] = [
  [['a'], 'a', true],
  [['a'], 'ab', false],
  [['a'], 'a/b/c', true],
  [['a/b'], 'a', false],
  [[' a '], 'a', true],
  [['a/'], 'a', true],
  [['./a//b/../c'], 'a/c', true],
  [['*.go'], 'x.go', true],
  [['*.go'], 'd/x.go', false],
  [['*/x.go'], 'd/x.go', true],
  [['**/x.go'], 'x.go', true],
  [['**/x.go'], 'a/b/x.go', true],
  [['**/x.go'], 'a/bx.go', false],
  [['**x.go'], 'a/bx.go', true],
  [['a/**'], 'a', false],
  [['a/**'], 'a/b/c', true],
  [['a/**/c'], 'a/c', true],
  [['a/**/c'], 'a/b/b/c', true],
  [['a/**/c'], 'ab/c', false],
  [['**'], 'any/thing', true],
  [['?'], 'é', true],
  [['?'], '/', false],
  [['a?c'], 'abc', true],
  [['[a-c]x'], 'bx', true],
  [['[^a-c]x'], 'bx', false],
  [['[!a]x'], 'bx', false],
  [['[!a]x'], '!x', true],
  [['a.b'], 'axb', false],
  [['a+b*'], 'a+bc', true],
  [['\\*'], '*', true],
  [['\\*'], 'x', false],
  [['a|b*'], 'a', true],
  [['a{2}*'], 'aab', true],
  [['a', '!a/b'], 'a/b', false],
  [['a', '!a/b'], 'a/c', true],
  [['!a', 'a'], 'a', true],
  [['*', '!keep', 'keep/not'], 'keep/not', true],
  [['*', '!keep', 'keep/not'], 'keep/yes', false],
  [['ünï*'], 'ünïcode', true],
];

test('patterns match as patternmatcher says', () => {
  for (const [lines, path, matches] of verdicts) {
    const list = new PatternList(lines.map(toBytes));
    assert.equal(list.matches(toBytes(path), undefined), matches, `${JSON.stringify(lines)} ${path}`);
  }
});

test('a record of the parent stands for looking at all parents', () => {
  const list = new PatternList(['a', '!a/b', '**/c']);
  const parent = new Uint8Array(3);
  assert.equal(list.matches('a', undefined, parent), true);
  assert.deepEqual([...parent], [1, 0, 0]);
  const child = new Uint8Array(3);
  assert.equal(list.matches('a/b', parent, child), false);
  assert.deepEqual([...child], [1, 1, 0]);
  assert.equal(list.matches('a/b/x', child), false);
  assert.equal(list.matches('a/b/c', child), true);
});

test('malformed patterns are refused', () => {
  for (const line of ['!', '[', '[a', 'a[]', '\\']) {
    assert.throws(
      () => new PatternList([line]).matches('a', undefined),
      (error) => hasCode(error, Code.INVALID_ARGUMENT),
      line,
    );
  }
});
