import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFiltersAt } from './prune-filters.ts';

test('a duration is counted back from now, a time is taken as it is', () => {
  assert.deepEqual(
    toFiltersAt(
      [
        ['until', '24h'],
        ['label', 'a'],
        ['label', 'b=c'],
      ],
      90_000_000_500,
    ),
    { until: { values: ['89913600.500000000'] }, label: { values: ['a', 'b=c'] } },
  );
  assert.deepEqual(toFiltersAt([['until', '2001-02-03T04:05:06.7Z']], 0), {
    until: { values: ['981173106.700000000'] },
  });
});

test('a time that is none is refused in docker’s words', () => {
  assert.throws(() => toFiltersAt([['until', 'monday']], 0), /failed to parse value as time or duration: "monday"/);
});
