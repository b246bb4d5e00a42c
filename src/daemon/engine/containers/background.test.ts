import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../../host/log.ts';
import { BackgroundTasks } from './background.ts';

test('a shell that is open keeps a stop waiting, and not those who wait for the rest', async () => {
  const background = new BackgroundTasks(silentLog);
  const [shell, removal] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const order: string[] = [];
  background.follow('record the end of a shell', () => shell.promise);
  background.run('remove', () => removal.promise);
  const settled = background.settled().then(() => order.push('settled'));
  const idle = background.idle().then(() => order.push('idle'));
  removal.resolve();
  await settled;
  assert.deepEqual(order, ['settled']);
  shell.resolve();
  await idle;
  assert.deepEqual(order, ['settled', 'idle']);
});

test('what a task starts is waited for, and a failure hinders nobody', async () => {
  const background = new BackgroundTasks(silentLog);
  let done = false;
  background.run('fail', async () => {
    await Promise.resolve();
    background.run('go on', async () => {
      await Promise.resolve();
      done = true;
    });
    throw new Error('no');
  });
  await background.settled();
  assert.ok(done);
});
