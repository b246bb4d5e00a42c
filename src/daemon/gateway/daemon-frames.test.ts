import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonFrames } from './daemon-frames.ts';
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  encodeFrame,
  goAwayFrame,
  HEADERS,
  RST_STREAM,
  SETTINGS,
} from './h2-frames.ts';

const FRAMES = [
  encodeFrame(SETTINGS, 0, 0, Buffer.from('00040001000000010000100200030000000a', 'hex')),
  encodeFrame(SETTINGS, ACK, 0),
  // A header block is one unit: nothing may come between its frames.
  Buffer.concat([encodeFrame(HEADERS, 0, 1, Buffer.alloc(5)), encodeFrame(CONTINUATION, END_HEADERS, 1)]),
  encodeFrame(DATA, 0, 1, Buffer.alloc(30)),
  encodeFrame(DATA, END_STREAM, 1),
  encodeFrame(HEADERS, END_HEADERS | END_STREAM, 3, Buffer.alloc(2)),
  encodeFrame(RST_STREAM, 0, 5, Buffer.alloc(4)),
  goAwayFrame(7),
];
const STREAM = Buffer.concat(FRAMES);
const TOLD = ['table 4098', 'ended 1', 'ended 3', 'ended 5', 'goaway 7'];

function witness(): { readonly told: string[]; readonly frames: DaemonFrames } {
  const told: string[] = [];
  const frames = new DaemonFrames(
    {
      ended: (id) => told.push(`ended ${id}`),
      tableSize: (size) => told.push(`table ${size}`),
      goAway: (id) => told.push(`goaway ${id}`),
    },
    false,
  );
  return { told, frames };
}

test('ends of streams and announcements are told, wherever the bytes are cut', () => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    const { told, frames } = witness();
    for (const part of [STREAM.subarray(0, cut), STREAM.subarray(cut)]) frames.push(part, 0, false);
    assert.deepEqual(told, TOLD, `cut at ${cut}`);
    assert.ok(frames.atBoundary);
  }
});

test('a payload in two chunks stands, though the first one is read into again', () => {
  const { told, frames } = witness();
  const first = Buffer.from(STREAM.subarray(0, 20));
  frames.push(first, 0, false);
  first.fill(0xff);
  frames.push(STREAM.subarray(20), 0, false);
  assert.deepEqual(told, TOLD);
});

test('boundaries lie between frames, after the first, and nowhere else', () => {
  const ends = new Set<number>();
  let end = 0;
  for (const frame of FRAMES) {
    end += frame.length;
    ends.add(end);
  }
  const { frames } = witness();
  assert.equal(frames.atBoundary, false, 'SETTINGS come first');
  for (const [i, byte] of STREAM.entries()) {
    frames.push(Buffer.of(byte), 0, false);
    assert.equal(frames.atBoundary, ends.has(i + 1), `after ${i + 1} bytes`);
  }
  // In one chunk, from any place on, the next one is found.
  for (let start = 0; start < STREAM.length; start++) {
    const walker = witness().frames;
    walker.push(STREAM.subarray(0, start), 0, false);
    const next = [...ends].find((at) => at > start);
    assert.equal(walker.push(STREAM, start, true), next, `from ${start}`);
  }
});
