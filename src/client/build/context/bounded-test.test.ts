import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../../api/errors.ts';
import { PatternList } from './patterns.ts';

test('a pattern that would take for ever is refused by name', () => {
  const list = new PatternList([`${'*a'.repeat(12)}*b`]);
  assert.throws(
    () => list.matches('a'.repeat(200), undefined),
    (error) =>
      error instanceof K3cError && error.code === Code.INVALID_ARGUMENT && /"\*a\*a.*takes too/.test(error.message),
  );
});

test('one with many wildcards that ends is answered, and again for the next name', () => {
  const list = new PatternList(['*a*b*c*d*e*f*']);
  const long = `${'x'.repeat(40)}abcdef`;
  assert.equal(list.matches(long, undefined), true);
  assert.equal(list.matches(`${long}${'y'.repeat(30)}`, undefined), true);
  assert.equal(list.matches(`${'x'.repeat(60)}abcde`, undefined), false);
});
