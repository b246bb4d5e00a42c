import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DoorDecoder, frameHead, In, numberFrame } from './frames.ts';

test('frames come as they are, however the bytes are cut; stdin comes in pieces', () => {
  const input = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256));
  const stream = Buffer.concat([
    numberFrame(In.SIGNAL, 15),
    frameHead(In.STDIN, input.length),
    input,
    frameHead(In.STDIN_END, 0),
    frameHead(In.GO, 0),
  ]);
  for (const size of [1, 3, 7, 100, stream.length]) {
    const decoder = new DoorDecoder();
    const types: number[] = [];
    const stdin: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const { type, data } of decoder.push(stream.subarray(at, at + size))) {
        if (type === In.STDIN) stdin.push(data);
        else types.push(type);
      }
    }
    assert.deepEqual(types, [In.SIGNAL, In.STDIN_END, In.GO], `cut to ${size}`);
    assert.deepEqual(Buffer.concat(stdin), input);
  }
});

test('a frame that claims to be larger than any is refused', () => {
  assert.throws(() => [...new DoorDecoder().push(frameHead(In.HELLO, 2 ** 31))], RangeError);
});
