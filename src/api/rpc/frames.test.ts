import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, hasCode } from '../errors.ts';
import { FrameDecoder, frame, prefix } from './frames.ts';

const messages = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(70_000, 7), Buffer.from('x'), Buffer.alloc(0)];
const wire = Buffer.concat(messages.map(frame));

test('messages come out as they went in, wherever the bytes are cut', () => {
  for (const size of [1, 2, 3, 4, 5, 6, 7, 64, 1000, 16_384, 70_008, wire.length]) {
    const decoder = new FrameDecoder();
    const out: Buffer[] = [];
    for (let at = 0; at < wire.length; at += size) {
      for (const message of decoder.push(wire.subarray(at, at + size))) out.push(Buffer.from(message));
    }
    assert.deepEqual(out, messages, `cut every ${size} bytes`);
    assert.equal(decoder.pending, false);
  }
});

test('an unfinished message is pending, its header alone too', () => {
  for (const cut of [1, 4, 5, 6]) {
    const decoder = new FrameDecoder();
    assert.deepEqual([...decoder.push(frame(Buffer.from('abc')).subarray(0, cut))], []);
    assert.equal(decoder.pending, true, `after ${cut} bytes`);
  }
});

test('a large message in small chunks behind a split header costs linear time', () => {
  const large = frame(Buffer.alloc(48 << 20, 1));
  const decoder = new FrameDecoder();
  const started = performance.now();
  let length = 0;
  for (let at = 0; at < large.length; ) {
    const step = at === 0 ? 3 : 8192;
    for (const message of decoder.push(large.subarray(at, at + step))) length = message.length;
    at += step;
  }
  assert.equal(length, 48 << 20);
  assert.ok(performance.now() - started < 2000);
});

test('a message over the limit and a compressed one are refused as soon as their header is there', () => {
  assert.throws(
    () => [...new FrameDecoder(100).push(prefix(101))],
    (error) => hasCode(error, Code.RESOURCE_EXHAUSTED),
  );
  assert.throws(
    () => [...new FrameDecoder().push(Buffer.from([1, 0, 0, 0, 1]))],
    (error) => hasCode(error, Code.UNIMPLEMENTED),
  );
});
