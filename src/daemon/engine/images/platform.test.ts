import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainIds } from './chain.ts';
import { pathMatch } from './image-filters.ts';
import { formatPlatform, platformMatches } from './oci.ts';
import { parsePlatform } from './platform-flag.ts';

for (const [text, platform] of [
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['Linux/ARM64/v8', 'linux/arm64'],
  ['linux/arm/v7', 'linux/arm/v7'],
  ['arm64', 'linux/arm64'],
] as const) {
  test(`--platform ${text} is ${platform}`, () => assert.equal(formatPlatform(parsePlatform(text)), platform));
}

test('no platform: too many parts, empty parts', () => {
  for (const text of ['a/b/c/d', 'linux/', '/amd64', 'li nux/amd64']) {
    assert.throws(() => parsePlatform(text), { reason: 'bad-input' });
  }
});

test('a variant counts only where one is wanted', () => {
  const arm = { os: 'linux', architecture: 'arm' };
  assert.equal(platformMatches(arm, { ...arm, variant: 'v7' }), true);
  assert.equal(platformMatches({ ...arm, variant: 'v6' }, { ...arm, variant: 'v7' }), false);
  assert.equal(platformMatches({ os: 'linux', architecture: 'amd64' }, { os: 'linux', architecture: 'arm64' }), false);
});

test('chain ids are those of the spec', () => {
  const a = `sha256:${'a'.repeat(64)}`;
  assert.deepEqual(chainIds([]), []);
  assert.deepEqual(chainIds([a]), [a]);
  // printf 'sha256:aa… sha256:aa…' | sha256sum
  assert.equal(chainIds([a, a])[1], 'sha256:9d2cc34dc7dc748dba0ed439e6987c2f2c39ec504fa0c1527531d9bc7d0f1052');
});

for (const [pattern, text, matches] of [
  ['busybox', 'busybox', true],
  ['busy*', 'busybox:1', true],
  ['*/busybox', 'a/busybox', true],
  ['*', 'a/busybox', false],
  ['a?c', 'abc', true],
  ['a[bx]c', 'axc', true],
  ['a[^b]c', 'abc', false],
  ['a.c', 'abc', false],
  ['a\\*', 'a*', true],
] as const) {
  test(`reference=${pattern} ${matches ? 'takes' : 'leaves'} ${text}`, () =>
    assert.equal(pathMatch(pattern)(text), matches));
}
