import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseBytes, parseCpus, parseInteger } from './sizes.ts';

describe('-m', () => {
  const cases: [string, bigint][] = [
    ['0', 0n],
    ['32', 32n],
    ['32b', 32n],
    ['32B', 32n],
    ['32k', 32n << 10n],
    ['32kb', 32n << 10n],
    ['32KiB', 32n << 10n],
    ['512m', 512n << 20n],
    ['512 MB', 512n << 20n],
    ['1.5g', 3n << 29n],
    ['8t', 8n << 40n],
  ];
  for (const [text, expected] of cases) test(text, () => assert.equal(parseBytes(text), expected));
  for (const text of ['', 'hello', '-32', '.3kB', '32.', '32 kbb', '32  k', '1e3']) {
    test(`refuses '${text}'`, () => assert.throws(() => parseBytes(text), { message: `invalid size: '${text}'` }));
  }
});

describe('--cpus', () => {
  const cases: [string, bigint][] = [
    ['1', 1_000_000_000n],
    ['0.5', 500_000_000n],
    ['.25', 250_000_000n],
    ['1.000000001', 1_000_000_001n],
    ['2.', 2_000_000_000n],
  ];
  for (const [text, expected] of cases) test(text, () => assert.equal(parseCpus(text), expected));
  test('refuses words', () =>
    assert.throws(() => parseCpus('x'), { message: 'failed to parse x as a rational number' }));
  test('refuses what is finer than a billionth', () =>
    assert.throws(() => parseCpus('0.0000000001'), { message: 'value is too precise' }));
});

test('whole numbers have 32 bits', () => {
  assert.equal(parseInteger('-1'), -1);
  assert.equal(parseInteger('+7'), 7);
  assert.throws(() => parseInteger('1.5'), { message: 'strconv.ParseInt: parsing "1.5": invalid syntax' });
  assert.throws(() => parseInteger('9999999999'), {
    message: 'strconv.ParseInt: parsing "9999999999": value out of range',
  });
});
