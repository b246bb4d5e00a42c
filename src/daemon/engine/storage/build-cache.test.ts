import assert from 'node:assert/strict';
import { test } from 'node:test';
import { K3cError } from '../../../api/errors.ts';
import { toBuildkit } from './build-cache.ts';

test('filters restrict each other: they are one expression', () => {
  assert.deepEqual(toBuildkit({ type: ['regular'], id: ['abc'], description: ['a "b"'] }, 0), {
    filter: ['type=="regular",id~="abc",description=="a \\"b\\""'],
    ageNanos: 0n,
  });
  assert.deepEqual(toBuildkit({}, 0), { filter: [], ageNanos: 0n });
});

test('what is true or false has the opposite’s name when it is false', () => {
  assert.deepEqual(toBuildkit({ shared: ['true'], mutable: ['false'], inuse: ['1'] }, 0).filter, [
    'shared,immutable,inuse',
  ]);
  assert.deepEqual(toBuildkit({ private: ['0'] }, 0).filter, ['shared']);
});

test('a time becomes an age, and one in the future the least there is', () => {
  assert.equal(toBuildkit({ until: ['10.500000000'] }, 12_000).ageNanos, 1_500_000_000n);
  assert.equal(toBuildkit({ until: ['99'] }, 12_000).ageNanos, 1n);
});

test('what is no filter is refused', () => {
  for (const filters of [{ colour: ['red'] }, { inuse: ['false'] }, { id: ['a', 'b'] }, { until: ['24h'] }]) {
    assert.throws(
      () => toBuildkit(filters, 0),
      (error) => error instanceof K3cError && error.reason === 'bad-input',
      JSON.stringify(filters),
    );
  }
});
