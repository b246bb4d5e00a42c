import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Slots } from './slots.ts';

/** Starts by name that end when they are told to. */
function rig(count: number) {
  const slots = new Slots(count);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string) =>
    slots.run(() => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  return { begun, start, end: (name: string) => ends.get(name)?.() };
}

test('so many at once, in the order they came', async () => {
  const { begun, start, end } = rig(2);
  const all = ['a', 'b', 'c', 'd'].map((name) => start(name));
  await turn();
  assert.deepEqual(begun, ['a', 'b']);
  end('b');
  await turn();
  assert.deepEqual(begun, ['a', 'b', 'c']);
  end('a');
  await turn();
  end('c');
  end('d');
  await Promise.all(all);
  assert.deepEqual(begun, ['a', 'b', 'c', 'd']);
});

test('a failure frees its slot', async () => {
  const slots = new Slots(1);
  await assert.rejects(slots.run(() => Promise.reject(new Error('no'))));
  assert.equal(await slots.run(() => Promise.resolve(7)), 7);
});

test('a start that is stuck does not keep the others waiting', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { begun, start, end } = rig(1);
  const stuck = start('stuck');
  const other = start('other');
  await turn();
  assert.deepEqual(begun, ['stuck']);
  t.mock.timers.tick(2000);
  await turn();
  assert.deepEqual(begun, ['stuck', 'other']);
  end('stuck');
  end('other');
  await Promise.all([stuck, other]);
});
