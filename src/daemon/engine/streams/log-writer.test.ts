/** The writer of logs, on real files. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { collect, logLab, UNLIMITED } from '../../../../test/support/log-lab.ts';
import { silentLog } from '../../../host/log.ts';
import { LogWriter } from './log-writer.ts';
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

test('a record is a line in the format of CRI', async () => {
  await lab.write([
    ['stdout', 'one\r\ntwo\n'],
    ['stderr', 'no end'],
  ]);
  const lines = (await readFile(lab.path, 'latin1')).split('\n');
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z`;
  assert.match(lines[0] ?? '', new RegExp(`^${time} stdout F one\r$`));
  assert.match(lines[1] ?? '', new RegExp(`^${time} stdout F two$`));
  assert.match(lines[2] ?? '', new RegExp(`^${time} stderr P no end$`));
  assert.equal(lines.length, 4);
  assert.equal((await stat(lab.path)).mode & 0o777, 0o640);
});

test('times are those of the writing', async () => {
  const before = Date.now();
  await lab.write([['stdout', 'x\n']]);
  for await (const { time } of readLog(lab.path, { stdout: true, stderr: true })) {
    const ms = Number(time / 1_000_000n);
    assert.ok(ms >= before - 2 && ms <= Date.now() + 2, `${ms} ${before}`);
  }
});

for (const length of [16_383, 16_384, 16_385, 32_768, 40_000]) {
  test(`a line of ${length} bytes goes into records of 16 KB at most and comes back`, async () => {
    const text = 'y'.repeat(length);
    for (const pieces of [
      [`${text}\n`, 'z\n'],
      [text, '\n', 'z\n'],
      [text.slice(0, 7), `${text.slice(7)}\nz\n`],
    ]) {
      await rm(lab.path, { force: true });
      await lab.write(pieces.map((piece) => ['stdout', piece]));
      assert.equal((await lab.read()).stdout, `${text}\nz\n`);
      for (const line of (await readFile(lab.path, 'latin1')).split('\n')) assert.ok(line.length <= 16_384 + 40);
    }
  });
}

test('random output of two streams comes back byte for byte, over restarts of the writer and rotation', async () => {
  for (let seed = 1; seed <= 9; seed++) {
    const next = random(seed);
    const limits = seed % 3 === 0 ? { maxBytes: 40_000 + next(100_000), maxFiles: 1000 } : UNLIMITED;
    const expected = { stdout: '', stderr: '' };
    let log = lab.writer(limits);
    for (let i = 0; i < 120; i++) {
      const stream = next(3) === 0 ? 'stderr' : 'stdout';
      const length = [next(4), next(100), next(3000), next(40_000)][next(4)] ?? 0;
      const newlines = [2, 10, 1000, 100_000][next(4)] ?? 2;
      const data = Buffer.from(Array.from({ length }, () => (next(newlines) === 0 ? 10 : next(256))));
      expected[stream] += data.toString('latin1');
      log.write(stream, data);
      if (next(20) === 0) await sleep(0);
      if (next(60) === 0) await log.flush();
      if (next(80) === 0) {
        await log.close();
        log = lab.writer(limits);
      }
    }
    await log.close();
    const { stdout, stderr } = await lab.read();
    assert.ok(stdout === expected.stdout && stderr === expected.stderr, `seed ${seed}`);
    for (const name of await readdir(lab.directory)) await rm(join(lab.directory, name));
  }
});

test('files stay within the limit, and only so many are kept', async () => {
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i}\n`);
  await lab.write([['stdout', lines.join('')]], { maxBytes: 2000, maxFiles: 3 });
  const names = await readdir(lab.directory);
  assert.deepEqual(names.sort(), ['a.log', 'a.log.1', 'a.log.2']);
  for (const name of names) assert.ok((await stat(join(lab.directory, name))).size <= 2000);
  const { stdout } = await lab.read();
  assert.ok(lines.join('').endsWith(stdout) && stdout.length > 500);
});

test('one file is emptied when it is full', async () => {
  await lab.write([['stdout', 'line\n'.repeat(100)]], { maxBytes: 450, maxFiles: 1 });
  assert.deepEqual(await readdir(lab.directory), ['a.log']);
  assert.equal((await lab.read()).stdout, 'line\n'.repeat(10));
});

test('what a crash cut off does not swallow the next record', async () => {
  await lab.write([['stdout', 'one\ntwo\n']]);
  await truncate(lab.path, (await stat(lab.path)).size - 2);
  await lab.write([['stdout', 'three\n']]);
  assert.equal((await lab.read()).all, 'one\ntw\nthree\n');
  await appendFile(lab.path, '2026-01-');
  await lab.write([['stdout', 'four\n']]);
  assert.equal((await lab.read()).all, 'one\ntw\nthree\nfour\n');
});

test('a log that cannot be written is said once, and what comes later is written again', async () => {
  const said: string[] = [];
  const log = new LogWriter(join(lab.directory, 'later/a.log'), UNLIMITED, {
    ...silentLog,
    error: (_, message) => said.push(message),
  });
  log.write('stdout', Buffer.from('lost\n'));
  await log.flush();
  log.write('stdout', Buffer.from('lost\n'));
  await log.flush();
  assert.deepEqual(said, ['cannot write a log; output is missing in it']);
  assert.equal(log.bytes, 0);
  await mkdir(join(lab.directory, 'later'));
  log.write('stdout', Buffer.from('kept\n'));
  await log.close();
  const later = readLog(join(lab.directory, 'later/a.log'), { stdout: true, stderr: true });
  assert.equal((await collect(later)).all, 'kept\n');
});

test('64-byte lines are logged at 100 MB/s or near it, and the event loop stays free', {
  timeout: 60_000,
}, async () => {
  const log = lab.writer({ maxBytes: 10 << 20, maxFiles: 3 });
  const chunk = Buffer.from(`${'l'.repeat(63)}\n`.repeat(1024));
  let longest = 0;
  const start = performance.now();
  const total = 100 << 20;
  for (let done = 0; done < total; done += chunk.length) {
    const before = performance.now();
    log.write('stdout', chunk);
    longest = Math.max(longest, performance.now() - before);
    while (log.bytes > 4 << 20) await sleep(1);
  }
  await log.close();
  const rate = total / 1e6 / ((performance.now() - start) / 1000);
  console.log(`# ${rate.toFixed(0)} MB/s, longest turn ${longest.toFixed(1)} ms`);
  // A shared machine under test is no place for the figure itself.
  assert.ok(rate > 20, `${rate} MB/s`);
});
