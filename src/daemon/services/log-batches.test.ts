import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord } from '../engine/streams/types.ts';
import { toLogBatch } from './log-batches.ts';

const record = (time: bigint, stream: LogRecord['stream'], text: string): LogRecord => ({
  time,
  stream,
  data: Buffer.from(text),
  partial: !text.endsWith('\n'),
});

test('neighbours of one stream are one run; with timestamps each piece is told apart', () => {
  const records = [
    record(1n, 'stdout', 'a\n'),
    record(2n, 'stdout', 'b'),
    record(3n, 'stderr', 'c\n'),
    record(4n, 'stdout', '\n'),
  ];
  const plain = toLogBatch(records, false);
  assert.deepEqual(
    plain.runs.map(({ stderr, data, sizes, times }) => [stderr, data.toString(), sizes, times]),
    [
      [false, 'a\nb', [], []],
      [true, 'c\n', [], []],
      [false, '\n', [], []],
    ],
  );
  const timed = toLogBatch(records, true);
  assert.deepEqual(
    timed.runs.map(({ sizes, times }) => [sizes, times]),
    [
      [
        [2, 1],
        [1n, 2n],
      ],
      [[2], [3n]],
      [[1], [4n]],
    ],
  );
  assert.deepEqual(toLogBatch([], true).runs, []);
});
