import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ellipsis, goQuote, shortId } from './shorten.ts';
import { alignColon, alignTabs } from './tabs.ts';
import { binarySize, humanDuration, humanSize, rfc3339Nano } from './units.ts';

describe('sizes', () => {
  const cases: [number, number, string][] = [
    [0, 3, '0B'],
    [999, 3, '999B'],
    [1000, 3, '1kB'],
    [4_260_000, 3, '4.26MB'],
    [187_654_321, 3, '188MB'],
    [999_999, 3, '1e+03kB'],
    [21_500_000, 3, '21.5MB'],
    [1_234_567_890, 3, '1.23GB'],
    [1_234_567, 4, '1.235MB'],
    [12_345_678, 4, '12.35MB'],
    [1_000_000_000_000, 4, '1TB'],
  ];
  for (const [bytes, digits, text] of cases) test(text, () => assert.equal(humanSize(bytes, digits), text));
  test('powers of 1024', () => assert.equal(binarySize(8_321_499_136), '7.75GiB'));
});

describe('durations', () => {
  const second = 1000;
  const hour = 3600 * second;
  const day = 24 * hour;
  const cases: [number, string][] = [
    [450, 'Less than a second'],
    [second, '1 second'],
    [59 * second, '59 seconds'],
    [60 * second, 'About a minute'],
    [119 * second, 'About a minute'],
    [120 * second, '2 minutes'],
    [59 * 60 * second, '59 minutes'],
    [60 * 60 * second, 'About an hour'],
    [89 * 60 * second, 'About an hour'],
    [90 * 60 * second, '2 hours'],
    [47 * hour, '47 hours'],
    [48 * hour, '2 days'],
    [13 * day, '13 days'],
    [14 * day, '2 weeks'],
    [60 * day, '2 months'],
    [729 * day, '24 months'],
    [730 * day, '2 years'],
  ];
  for (const [milliseconds, text] of cases) test(text, () => assert.equal(humanDuration(milliseconds), text));
});

test('times have nine digits', () => {
  assert.equal(rfc3339Nano(1_136_073_600_000_000_001n), '2006-01-01T00:00:00.000000001Z');
});

test('ids and texts are cut', () => {
  assert.equal(shortId(`sha256:${'ab'.repeat(32)}`), 'abababababab');
  assert.equal(shortId('0123456789abcdef'), '0123456789ab');
  assert.equal(ellipsis('12345', 5), '12345');
  assert.equal(ellipsis('123456', 5), '1234…');
  assert.equal(ellipsis('éééééé', 5), 'éééé…');
});

test('quotes are Go’s', () => {
  assert.equal(goQuote('a "b"\t\\ é\u0001\u200b'), '"a \\"b\\"\\t\\\\ é\\x01\\u200b"');
});

test('columns are as wide as their widest cell and three more, at least ten', () => {
  assert.equal(alignTabs('A\tB\tC\naaaaaaaaaaaa\tb\tc'), 'A              B         C\naaaaaaaaaaaa   b         c');
  assert.equal(alignTabs('A\tB\n1\t'), 'A         B\n1         ');
  // A line without a tab ends a column.
  assert.equal(alignTabs('aaaaaaaaaaaa\tb\nx\nc\td'), 'aaaaaaaaaaaa   b\nx\nc         d');
});

test('labels have their values in one column', () => {
  assert.equal(
    alignColon(
      [
        ['Version', '1'],
        ['Git commit', 'abc'],
        ['Empty', ''],
      ],
      1,
    ),
    ' Version:           1\n Git commit:        abc\n Empty:\n',
  );
});
