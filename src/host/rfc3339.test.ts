import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRfc3339 } from './rfc3339.ts';

test('every digit of a second and every zone counts', () => {
  const cases: [string, bigint | undefined][] = [
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01T00:00:01.5Z', 1_500_000_000n],
    ['2006-01-02T15:04:05.000000001Z', 1_136_214_245_000_000_001n],
    ['2006-01-02T17:04:05.000000001+02:00', 1_136_214_245_000_000_001n],
    ['2006-01-02T15:04:05.0000000001Z', undefined],
    ['2006-01-02T15:04:05', undefined],
    ['2006-13-02T15:04:05Z', undefined],
    ['2006-01-02 15:04:05Z', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseRfc3339(text), expected, text);
});
