import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientFrames, type ClientFramesListener } from './client-frames.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  encodeFrame,
  H2Error,
  HEADERS,
  headersFrames,
  SETTINGS,
} from './h2-frames.ts';
import { encodeLiterals, HpackDecoder, HpackError } from './hpack.ts';

/** Passes everything unless told otherwise, and keeps what it saw. */
class Witness implements ClientFramesListener {
  readonly out: Buffer[] = [];
  readonly seen: unknown[] = [];
  readonly way: (streamId: number) => 'pass' | 'drop' | 'rewrite';

  constructor(way: Witness['way'] = () => 'pass') {
    this.way = way;
  }

  frame({ type, streamId, length }: Parameters<ClientFramesListener['frame']>[0]): boolean {
    this.seen.push([type, streamId, length]);
    return this.way(streamId) !== 'drop';
  }

  fields(streamId: number, fields: readonly string[], endStream: boolean): 'pass' | 'drop' | 'rewrite' {
    this.seen.push([streamId, fields, endStream]);
    return this.way(streamId);
  }

  output(bytes: Buffer): void {
    this.out.push(Buffer.from(bytes));
  }
}

const FIELDS = [':path', '/moby.buildkit.v1.Control/Solve', 'x', 'y'.repeat(40)];
const BLOCK = encodeLiterals(FIELDS);
const PADDED_WITH_PRIORITY = 0x28;

/** HEADERS with padding and priority, cut into three frames; one of them empty. */
const INTRICATE = Buffer.concat([
  encodeFrame(
    HEADERS,
    PADDED_WITH_PRIORITY | END_STREAM,
    3,
    Buffer.concat([Buffer.of(4, 0, 0, 0, 1, 16), BLOCK.subarray(0, 7), Buffer.alloc(4)]),
  ),
  encodeFrame(CONTINUATION, 0, 3),
  encodeFrame(CONTINUATION, END_HEADERS, 3, BLOCK.subarray(7)),
]);

const STREAM = Buffer.concat([
  encodeFrame(SETTINGS, 0, 0, Buffer.from('000400010000', 'hex')),
  headersFrames(1, BLOCK, false),
  encodeFrame(DATA, 0, 1, Buffer.alloc(20, 'd')),
  INTRICATE,
  encodeFrame(DATA, 0, 1),
  encodeFrame(SETTINGS, 1, 0),
  encodeFrame(DATA, END_STREAM, 1, Buffer.alloc(3, 'e')),
]);

const SEEN = [
  [SETTINGS, 0, 6],
  [1, FIELDS, false],
  [DATA, 1, 20],
  [3, FIELDS, true],
  [DATA, 1, 0],
  [SETTINGS, 0, 0],
  [DATA, 1, 3],
];

function run(witness: Witness, ...chunks: readonly Buffer[]): Buffer {
  const frames = new ClientFrames(witness);
  for (const chunk of chunks) frames.push(chunk);
  return Buffer.concat(witness.out);
}

test('everything passes as it came, wherever it is cut', () => {
  for (let first = 0; first <= STREAM.length; first++) {
    const witness = new Witness();
    const out = run(witness, STREAM.subarray(0, first), STREAM.subarray(first));
    assert.ok(out.equals(STREAM), `cut at ${first}`);
    assert.deepEqual(witness.seen, SEEN, `cut at ${first}`);
  }
  const witness = new Witness();
  assert.ok(run(witness, ...[...STREAM].map((byte) => Buffer.of(byte))).equals(STREAM));
  assert.deepEqual(witness.seen, SEEN);
});

test('what has no header block in it passes in one piece and is not copied', () => {
  const chunk = Buffer.concat([DATA, DATA, DATA].map((type) => encodeFrame(type, 0, 1, Buffer.alloc(1000))));
  const given: Buffer[] = [];
  const witness = new Witness();
  witness.output = (bytes) => given.push(bytes);
  new ClientFrames(witness).push(chunk);
  assert.equal(given.length, 1);
  assert.equal(given[0], chunk);
});

test('a dropped stream leaves nothing, wherever it is cut', () => {
  const others = [
    headersFrames(1, BLOCK, false),
    encodeFrame(DATA, 0, 1, Buffer.from('kept')),
    encodeFrame(DATA, END_STREAM, 1),
  ] as const;
  const stream = Buffer.concat([
    others[0],
    INTRICATE,
    others[1],
    encodeFrame(DATA, 0, 3, Buffer.from('lost')),
    others[2],
  ]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const out = run(new Witness((id) => (id === 3 ? 'drop' : 'pass')), stream.subarray(0, cut), stream.subarray(cut));
    assert.ok(out.equals(Buffer.concat(others)), `cut at ${cut}`);
  }
});

test('a rewritten block needs no table', () => {
  // Enters a field into the table; the second block refers to it.
  const indexed = Buffer.from('400a637573746f6d2d6b65790d637573746f6d2d686561646572', 'hex');
  const stream = Buffer.concat([headersFrames(3, indexed, false), headersFrames(1, Buffer.of(0xbe), true)]);
  const out = run(new Witness((id) => (id === 3 ? 'drop' : 'rewrite')), stream);
  assert.deepEqual(out.subarray(3, 9), Buffer.from('010500000001', 'hex'));
  assert.deepEqual(new HpackDecoder().decode(out.subarray(9)), ['custom-key', 'custom-header']);
});

test('a long block is written in frames that every reader takes', () => {
  const fields = ['a', 'b'.repeat(40_000)];
  const frames = headersFrames(5, encodeLiterals(fields), true);
  const witness = new Witness();
  assert.ok(run(witness, frames).equals(frames));
  assert.deepEqual(witness.seen, [[5, fields, true]]);
  assert.equal(frames.readUIntBE(0, 3), 16_384);
});

test('broken rules are errors', () => {
  const opened = encodeFrame(HEADERS, 0, 1, BLOCK);
  for (const [name, bytes] of Object.entries({
    'a frame within a header block': Buffer.concat([opened, encodeFrame(DATA, 0, 1)]),
    'a block that goes on for another stream': Buffer.concat([opened, encodeFrame(CONTINUATION, END_HEADERS, 3)]),
    'a continuation of nothing': encodeFrame(CONTINUATION, END_HEADERS, 1),
    'more padding than payload': encodeFrame(HEADERS, 0x8 | END_HEADERS, 1, Buffer.of(9, 0x82)),
    'no room for a priority': encodeFrame(HEADERS, 0x20 | END_HEADERS, 1, Buffer.of(0, 0)),
    'an endless block': Buffer.concat(
      Array.from({ length: 80 }, (_, i) => encodeFrame(i === 0 ? HEADERS : CONTINUATION, 0, 1, Buffer.alloc(16_384))),
    ),
  })) {
    assert.throws(() => run(new Witness(), bytes), H2Error, name);
  }
  assert.throws(() => run(new Witness(), headersFrames(1, Buffer.of(0x80), false)), HpackError);
});
