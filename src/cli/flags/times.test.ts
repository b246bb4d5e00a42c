import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDuration, parseTime } from './times.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');

describe('durations', () => {
  const cases: [string, bigint | undefined][] = [
    ['1h30m', 5400n * 1_000_000_000n],
    ['1.5s', 1_500_000_000n],
    ['10ms', 10_000_000n],
    ['-2s', -2_000_000_000n],
    ['0', 0n],
    ['.5m', 30_000_000_000n],
    ['5', undefined],
    ['s', undefined],
    ['1x', undefined],
  ];
  for (const [text, expected] of cases) test(text, () => assert.equal(parseDuration(text), expected));
});

describe('times', () => {
  const at = (text: string, nanoseconds = 0n) => BigInt(Date.parse(text)) * 1_000_000n + nanoseconds;
  const cases: [string, bigint][] = [
    ['42m', at('2026-11-24T09:18:00Z')],
    ['1136073600', 1_136_073_600_000_000_000n],
    ['1136073600.000000001', 1_136_073_600_000_000_001n],
    ['0', 0n],
    ['2013-01-02T13:23:37Z', at('2013-01-02T13:23:37Z')],
    ['2013-01-02T13:23:37.123456789Z', at('2013-01-02T13:23:37Z', 123_456_789n)],
    ['2013-01-02T13:23:37+02:00', at('2013-01-02T11:23:37Z')],
    ['2013-01-02T13:23Z', at('2013-01-02T13:23:00Z')],
    ['2013-01-02', at('2013-01-02T00:00:00')],
    ['2013-01-02T13:23:37', at('2013-01-02T13:23:37')],
  ];
  for (const [text, expected] of cases) test(text, () => assert.equal(parseTime(text, NOW), expected));
  for (const text of ['yesterday', '2013-13-02', '2013-01-02 10:00', '']) {
    test(`refuses '${text}'`, () =>
      assert.throws(() => parseTime(text, NOW), {
        message: `failed to parse value as time or duration: ${JSON.stringify(text)}`,
      }));
  }
});
