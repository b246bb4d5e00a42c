import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { StdinWindow } from './stdin-window.ts';

const KB = 1 << 10;

/** A process that reads only what it is made to. */
function process() {
  const waiting: { readonly bytes: number; readonly taken: () => void }[] = [];
  return {
    writeStdin: (data: Buffer) =>
      new Promise<void>((resolve) => waiting.push({ bytes: data.length, taken: () => resolve() })),
    /** Reads so many chunks. */
    async read(count: number) {
      for (const chunk of waiting.splice(0, count)) chunk.taken();
      await turn();
    },
  };
}

test('a client that keeps to its window never waits, and is told what was taken', async () => {
  const told: number[] = [];
  const into = process();
  const window = new StdinWindow(into, async (bytes) => void told.push(bytes));
  for (let i = 0; i < 16; i++) await window.write(Buffer.alloc(64 * KB));
  assert.deepEqual(told, []);
  await into.read(3);
  assert.deepEqual(told, []);
  await into.read(1);
  assert.deepEqual(told, [256 * KB]);
  await into.read(12);
  assert.equal(
    told.reduce((sum, bytes) => sum + bytes, 0),
    1024 * KB,
  );
});

test('a single key is told at once', async () => {
  const told: number[] = [];
  const into = process();
  const window = new StdinWindow(into, async (bytes) => void told.push(bytes));
  await window.write(Buffer.from('x'));
  await into.read(1);
  assert.deepEqual(told, [1]);
});

test('a client that does not keep to it is held, and memory with it', async () => {
  const into = process();
  const window = new StdinWindow(into, () => Promise.reject(new Error('gone')));
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) await window.write(Buffer.alloc(64 * KB));
  })();
  await turn();
  assert.ok(sent < 25, `${sent} chunks were taken`);
  for (let i = 0; i < 100; i++) await into.read(1);
  await sending;
  assert.equal(sent, 100);
});
