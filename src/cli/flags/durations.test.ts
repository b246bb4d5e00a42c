import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGoDuration } from './durations.ts';

test('durations as Go reads them', () => {
  const cases: [text: string, nanoseconds: bigint][] = [
    ['0', 0n],
    ['+0', 0n],
    ['1ns', 1n],
    ['300ms', 300_000_000n],
    ['1.5s', 1_500_000_000n],
    ['.5s', 500_000_000n],
    ['2.s', 2_000_000_000n],
    ['1h30m', 5_400_000_000_000n],
    ['-1m', -60_000_000_000n],
    ['5us', 5_000n],
    ['5µs', 5_000n],
    ['0.000000001s', 1n],
  ];
  for (const [text, nanoseconds] of cases) assert.equal(parseGoDuration(text), nanoseconds, text);
});

test('what is none is refused in Go’s words', () => {
  const cases: [text: string, message: string][] = [
    ['', 'time: invalid duration ""'],
    ['-', 'time: invalid duration "-"'],
    ['x', 'time: invalid duration "x"'],
    ['.s', 'time: invalid duration ".s"'],
    ['1', 'time: missing unit in duration "1"'],
    ['1s5', 'time: missing unit in duration "1s5"'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['1 s', 'time: unknown unit " s" in duration "1 s"'],
    ['9223372037s', 'time: invalid duration "9223372037s"'],
  ];
  for (const [text, message] of cases) assert.throws(() => parseGoDuration(text), { message }, text);
});
