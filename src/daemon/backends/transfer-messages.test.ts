import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messagesOf } from './transfer.ts';

const KIB = 1 << 10;

async function sizesOf(...sizes: number[]): Promise<number[]> {
  const sent: Buffer[] = [];
  const all = Buffer.alloc(
    sizes.reduce((sum, size) => sum + size, 0),
    'k3c',
  );
  async function* source() {
    let at = 0;
    for (const size of sizes) {
      yield all.subarray(at, at + size);
      at += size;
    }
  }
  for await (const piece of messagesOf(source())) sent.push(piece);
  assert.ok(Buffer.concat(sent).equals(all));
  return sent.map((piece) => piece.length / KIB);
}

test('small pieces are put together, large ones are cut; none but the last is smaller than a window', async () => {
  assert.deepEqual(await sizesOf(...Array(9).fill(64 * KIB)), [256, 256, 64]);
  assert.deepEqual(await sizesOf(1024 * KIB), [1024]);
  assert.deepEqual(await sizesOf(2049 * KIB, 300 * KIB), [1024, 1024, 301]);
  assert.deepEqual(await sizesOf(10 * KIB), [10]);
  assert.deepEqual(await sizesOf(), []);
});
