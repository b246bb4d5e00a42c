import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyedMutex } from './keyed-mutex.ts';

test('acts of one key follow each other, those of others do not wait', async () => {
  const mutex = new KeyedMutex();
  const order: string[] = [];
  const act = (key: string, name: string, ms: number) =>
    mutex.run(key, async () => {
      order.push(`${name}+`);
      await sleep(ms);
      order.push(`${name}-`);
    });
  await Promise.all([act('a', 'one', 30), act('a', 'two', 1), act('b', 'other', 1)]);
  assert.deepEqual(order, ['one+', 'other+', 'other-', 'one-', 'two+', 'two-']);
});

test('a failure is its own: the next act runs', async () => {
  const mutex = new KeyedMutex();
  const failed = mutex.run('a', () => Promise.reject(new Error('no')));
  const next = mutex.run('a', () => Promise.resolve(1));
  await assert.rejects(failed, { message: 'no' });
  assert.equal(await next, 1);
  await mutex.idle();
});

test('idle waits for what is queued while it waits', async () => {
  const mutex = new KeyedMutex();
  let done = false;
  void mutex.run('a', async () => {
    await sleep(5);
    void mutex.run('a', async () => {
      await sleep(5);
      done = true;
    });
  });
  await mutex.idle();
  assert.equal(done, true);
});
