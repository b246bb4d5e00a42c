import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRewrite, prefixOf, rewriteRepository } from './rewrite.ts';

const rewrite = (rules: Readonly<Record<string, string>>, repository: string) =>
  rewriteRepository(
    Object.entries(rules).map(([pattern, replacement]) => compileRewrite(pattern, replacement)),
    repository,
  );

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: Go writes its groups so
test('rules in Go’s words: numbered and named groups, braces, dollars, every match of a pattern', () => {
  assert.equal(rewrite({ '^rancher/(.*)': 'mirrors/$1' }, 'rancher/k3s'), 'mirrors/k3s');
  assert.equal(rewrite({ '^(?P<team>[^/]+)/(?P<name>.*)$': '${name}/${team}' }, 'a/b/c'), 'b/c/a');
  assert.equal(rewrite({ '^(.*)$': '${1}x-$$1' }, 'a'), 'ax-$1');
  // Go reads $1x as the group of the name 1x, which there is not.
  assert.equal(rewrite({ '^(.*)$': '$1x/y' }, 'a'), '/y');
  assert.equal(rewrite({ o: '0' }, 'foo/bo'), 'f00/b0');
  assert.equal(rewrite({ '\\Alib/(.+)\\z': '$1' }, 'lib/x'), 'x');
});

test('the first rule that changes something is the only one', () => {
  const rules = { '^nothing/': 'x/', '^a/': 'b/', '^b/': 'c/' };
  assert.equal(rewrite(rules, 'a/x'), 'b/x');
  assert.equal(rewrite(rules, 'z'), 'z');
});

test('a rule that only adds a prefix needs no rewriting', () => {
  assert.equal(prefixOf([['^(.*)$', 'cache/hub/$1']]), 'cache/hub');
  assert.equal(prefixOf([['(.+)', 'p/${1}']]), 'p');
  for (const rules of [
    [['^a/(.*)$', 'p/$1']],
    [['^(.*)$', '$1/s']],
    [],
    [
      ['(.*)', 'a/$1'],
      ['(.*)', 'b/$1'],
    ],
  ] as const)
    assert.equal(prefixOf(rules), undefined);
});
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above
