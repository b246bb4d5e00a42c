/** Followers of a log that is being written. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { logLab } from '../../../../test/support/log-lab.ts';
import { Code, hasCode } from '../../../api/errors.ts';
import { readLog } from './read-log.ts';

const lab = logLab();

/** Numbers that look random and are the same on every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

test('a follower sees what is written, from before the log exists to its end, over rotation', async () => {
  const ended = new AbortController();
  const following = lab.read({ follow: true, ended: ended.signal });
  await sleep(20);
  const log = lab.writer({ maxBytes: 300_000, maxFiles: 100 });
  const next = random(3);
  let expected = '';
  for (let i = 0; i < 300; i++) {
    const text = `${i} ${'v'.repeat(next(20_000))}\n`;
    expected += text;
    log.write('stdout', Buffer.from(text));
    if (i % 10 === 0) await sleep(2);
  }
  await log.close();
  ended.abort();
  assert.ok((await following).stdout === expected);
  assert.ok((await readdir(lab.directory)).length > 5);
});

test('a follower sees the start of a line without waiting for its end', async () => {
  const log = lab.writer();
  log.write('stdout', Buffer.from('Password: '));
  for await (const { data, partial } of readLog(lab.path, { stdout: true, stderr: true, follow: true })) {
    assert.equal(data.toString(), 'Password: ');
    assert.ok(partial);
    break;
  }
  await log.close();
});

test('a follower that is too slow for the rotation is told of the gap', async () => {
  const limits = { maxBytes: 1000, maxFiles: 2 };
  const ended = new AbortController();
  const log = lab.writer(limits);
  log.write('stdout', Buffer.from('first\n'));
  await log.flush();
  let gaps = 0;
  const seen: string[] = [];
  const onSkipped = () => {
    gaps++;
  };
  for await (const { data } of readLog(lab.path, {
    stdout: true,
    stderr: true,
    follow: true,
    ended: ended.signal,
    onSkipped,
  })) {
    seen.push(data.toString());
    if (seen.length > 1) continue;
    for (let i = 0; i < 200; i++) log.write('stdout', Buffer.from(`line ${i}\n`));
    await log.close();
    ended.abort();
  }
  assert.equal(gaps, 1);
  assert.equal(seen[0], 'first\n');
  assert.equal(seen.at(-1), 'line 199\n');
  assert.ok(seen.length < 150);
});

test('a follower ends when `until` has passed, and when it is cancelled', async () => {
  await lab.write([['stdout', 'x\n']]);
  const until = BigInt(Date.now() + 50) * 1_000_000n;
  assert.equal((await lab.read({ follow: true, until })).all, 'x\n');
  const cancel = new AbortController();
  const following = assert.rejects(lab.read({ follow: true, signal: cancel.signal }), (error) =>
    hasCode(error, Code.CANCELLED),
  );
  await sleep(20);
  cancel.abort();
  await following;
});
