import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogBatch, StreamOutput } from '../gen/k3c.ts';
import { encodeParts } from './parts.ts';

test('bulk is a piece of its own and not a copy; all pieces are the message', () => {
  const value = Buffer.alloc(64 << 10, 'x');
  const message = StreamOutput.fromPartial({ output: { $case: 'stdout', value } });
  const parts = encodeParts(StreamOutput, message);
  assert.ok(parts.some((part) => part === value));
  assert.deepEqual(Buffer.concat(parts), Buffer.from(StreamOutput.encode(message).finish()));
});

test('what is small, or within another message, is written in one', () => {
  const small = StreamOutput.fromPartial({ output: { $case: 'stdout', value: Buffer.from('x') } });
  assert.equal(encodeParts(StreamOutput, small).length, 1);
  const nested = LogBatch.fromPartial({ runs: [{ data: Buffer.alloc(64 << 10), sizes: [1], times: [5n] }] });
  const parts = encodeParts(LogBatch, nested);
  assert.equal(parts.length, 1);
  assert.deepEqual(LogBatch.decode(Buffer.concat(parts)), nested);
  assert.deepEqual(
    encodeParts(LogBatch, LogBatch.fromPartial({})).map(({ length }) => length),
    [0],
  );
});
