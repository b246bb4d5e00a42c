import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BatchWriter } from './batch.ts';

test('small pieces, too, wait for a reader that stands still', async () => {
  let go: () => void = () => undefined;
  const taken: string[] = [];
  const output = new Writable({
    highWaterMark: 4,
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk.toString());
      go = done;
    },
  });
  const writer = new BatchWriter(output);
  assert.equal(writer.write(Buffer.from('one ')), undefined);
  assert.equal(writer.write(Buffer.from('two ')), undefined);
  await turn();
  assert.deepEqual(taken, ['one two ']);
  const held = writer.write(Buffer.from('three'));
  assert.ok(held instanceof Promise);
  let isFree = false;
  void held.then(() => {
    isFree = true;
  });
  await turn();
  assert.equal(isFree, false);
  while (!isFree) {
    go();
    await turn();
  }
  assert.deepEqual(taken, ['one two ', 'three']);
  assert.equal(writer.write(Buffer.from('four')), undefined);
});

test('a reader that has gone holds nobody', async () => {
  const output = new Writable({ highWaterMark: 1, write: () => undefined });
  const writer = new BatchWriter(output);
  writer.write(Buffer.from('one'));
  await turn();
  const held = writer.write(Buffer.from('two'));
  output.destroy();
  await held;
  assert.equal(writer.flush(), undefined);
});
