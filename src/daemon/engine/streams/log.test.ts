/** The writer and the reader of logs against each other, on real files. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../api/errors.ts';
import { silentLog } from '../../../host/log.ts';
import { LogWriter } from './log-writer.ts';
import { readLog, readSnapshot } from './read-log.ts';
import type { LogLimits, LogRecord, ReadLogOptions, StreamName } from './types.ts';

const UNLIMITED: LogLimits = { maxBytes: 0, maxFiles: 1 };
let directory = '';
let path = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'k3c-log-'));
  path = join(directory, 'a.log');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const writer = (limits = UNLIMITED) => new LogWriter(path, limits, silentLog);

async function write(pieces: readonly [StreamName, string][], limits = UNLIMITED): Promise<void> {
  const log = writer(limits);
  for (const [stream, text] of pieces) log.write(stream, Buffer.from(text, 'latin1'));
  await log.close();
}

async function collect(records: AsyncIterable<LogRecord>): Promise<{ stdout: string; stderr: string; all: string }> {
  const data: Record<StreamName | 'all', Buffer[]> = { stdout: [], stderr: [], all: [] };
  for await (const record of records) {
    data[record.stream].push(record.data);
    data.all.push(record.data);
  }
  const text = (buffers: readonly Buffer[]) => Buffer.concat(buffers).toString('latin1');
  return { stdout: text(data.stdout), stderr: text(data.stderr), all: text(data.all) };
}

const read = (options: Partial<ReadLogOptions> = {}) =>
  collect(readLog(path, { stdout: true, stderr: true, ...options }));

/** Numbers that look random and are the same on every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

test('a record is a line in the format of CRI', async () => {
  await write([
    ['stdout', 'one\r\ntwo\n'],
    ['stderr', 'no end'],
  ]);
  const lines = (await readFile(path, 'latin1')).split('\n');
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z`;
  assert.match(lines[0] ?? '', new RegExp(`^${time} stdout F one\r$`));
  assert.match(lines[1] ?? '', new RegExp(`^${time} stdout F two$`));
  assert.match(lines[2] ?? '', new RegExp(`^${time} stderr P no end$`));
  assert.equal(lines.length, 4);
  assert.equal((await stat(path)).mode & 0o777, 0o640);
});

test('times are those of the writing', async () => {
  const before = Date.now();
  await write([['stdout', 'x\n']]);
  for await (const { time } of readLog(path, { stdout: true, stderr: true })) {
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
      await rm(path, { force: true });
      await write(pieces.map((piece) => ['stdout', piece]));
      assert.equal((await read()).stdout, `${text}\nz\n`);
      for (const line of (await readFile(path, 'latin1')).split('\n')) assert.ok(line.length <= 16_384 + 40);
    }
  });
}

test('random output of two streams comes back byte for byte, over restarts of the writer and rotation', async () => {
  for (let seed = 1; seed <= 9; seed++) {
    const next = random(seed);
    const limits = seed % 3 === 0 ? { maxBytes: 40_000 + next(100_000), maxFiles: 1000 } : UNLIMITED;
    const expected = { stdout: '', stderr: '' };
    let log = writer(limits);
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
        log = writer(limits);
      }
    }
    await log.close();
    const { stdout, stderr } = await read();
    assert.ok(stdout === expected.stdout && stderr === expected.stderr, `seed ${seed}`);
    for (const name of await readdir(directory)) await rm(join(directory, name));
  }
});

test('files stay within the limit, and only so many are kept', async () => {
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i}\n`);
  await write([['stdout', lines.join('')]], { maxBytes: 2000, maxFiles: 3 });
  const names = await readdir(directory);
  assert.deepEqual(names.sort(), ['a.log', 'a.log.1', 'a.log.2']);
  for (const name of names) assert.ok((await stat(join(directory, name))).size <= 2000);
  const { stdout } = await read();
  assert.ok(lines.join('').endsWith(stdout) && stdout.length > 500);
});

test('one file is emptied when it is full', async () => {
  await write([['stdout', 'line\n'.repeat(100)]], { maxBytes: 450, maxFiles: 1 });
  assert.deepEqual(await readdir(directory), ['a.log']);
  assert.equal((await read()).stdout, 'line\n'.repeat(10));
});

test('tail counts whole lines of the streams that are wanted', async () => {
  await write([
    ['stdout', 'o1\no2\n'],
    ['stderr', 'e1\n'],
    ['stdout', 'o3\n'],
    ['stderr', 'e2\n'],
  ]);
  assert.equal((await read({ tail: 0 })).all, '');
  assert.equal((await read({ tail: 2 })).all, 'o3\ne2\n');
  assert.equal((await read({ tail: 2, stderr: false })).all, 'o2\no3\n');
  assert.equal((await read({ tail: 99 })).all, 'o1\no2\ne1\no3\ne2\n');
});

test('a line in pieces is one line for tail, wherever the pieces lie', async () => {
  const log = writer();
  const say = async (stream: StreamName, text: string) => {
    log.write(stream, Buffer.from(text));
    await log.flush();
  };
  await say('stdout', 'old\n');
  await say('stdout', 'a');
  await say('stderr', 'x\n');
  await say('stderr', 'y\n');
  await say('stdout', 'b');
  await say('stderr', 'z\n');
  await say('stdout', 'c\n');
  await say('stderr', 'end');
  await log.close();
  assert.equal((await read({ tail: 1 })).all, 'end');
  assert.equal((await read({ tail: 2 })).all, 'abc\nend');
  assert.equal((await read({ tail: 3 })).all, 'abz\nc\nend');
  assert.equal((await read({ tail: 6 })).all, 'old\nax\ny\nbz\nc\nend');
});

test('tail of a long log over several files is the end of it, for any count', async () => {
  const next = random(7);
  const lines = Array.from({ length: 4000 }, (_, i) => `${i} ${'w'.repeat(next(i % 100 === 0 ? 40_000 : 100))}\n`);
  await write([['stdout', lines.join('')]], { maxBytes: 200_000, maxFiles: 100 });
  for (const tail of [1, 2, 17, 99, 100, 101, 1500, 3999, 4000, 5000]) {
    assert.ok((await read({ tail })).stdout === lines.slice(-tail).join(''), `tail ${tail}`);
  }
});

test('since and until are inclusive and apply to what tail left', async () => {
  const at = (ms: number) => `2026-01-01T00:00:00.${String(ms).padStart(3, '0')}Z`;
  await appendFile(path, [1, 2, 3, 4].map((n) => `${at(n)} stdout F ${n}\n`).join(''));
  const time = (ms: number) => BigInt(Date.parse(at(ms))) * 1_000_000n;
  assert.equal((await read({ since: time(2) })).all, '2\n3\n4\n');
  assert.equal((await read({ until: time(3) })).all, '1\n2\n3\n');
  assert.equal((await read({ since: time(2), until: time(3) })).all, '2\n3\n');
  assert.equal((await read({ tail: 3, until: time(2) })).all, '2\n');
});

test('a log that does not exist is empty', async () => {
  assert.equal((await read()).all, '');
  assert.equal((await read({ tail: 5 })).all, '');
  assert.equal((await read({ follow: true, ended: AbortSignal.abort() })).all, '');
});

test('what a crash cut off does not swallow the next record', async () => {
  await write([['stdout', 'one\ntwo\n']]);
  await truncate(path, (await stat(path)).size - 2);
  await write([['stdout', 'three\n']]);
  assert.equal((await read()).all, 'one\ntw\nthree\n');
  await appendFile(path, '2026-01-');
  await write([['stdout', 'four\n']]);
  assert.equal((await read()).all, 'one\ntw\nthree\nfour\n');
});

test('a follower sees what is written, from before the log exists to its end, over rotation', async () => {
  const ended = new AbortController();
  const following = read({ follow: true, ended: ended.signal });
  await sleep(20);
  const log = writer({ maxBytes: 300_000, maxFiles: 100 });
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
  assert.ok((await readdir(directory)).length > 5);
});

test('a follower sees the start of a line without waiting for its end', async () => {
  const log = writer();
  log.write('stdout', Buffer.from('Password: '));
  for await (const { data, partial } of readLog(path, { stdout: true, stderr: true, follow: true })) {
    assert.equal(data.toString(), 'Password: ');
    assert.ok(partial);
    break;
  }
  await log.close();
});

test('a follower that is too slow for the rotation is told of the gap', async () => {
  const limits = { maxBytes: 1000, maxFiles: 2 };
  const ended = new AbortController();
  const log = writer(limits);
  log.write('stdout', Buffer.from('first\n'));
  await log.flush();
  let gaps = 0;
  const seen: string[] = [];
  const onSkipped = () => {
    gaps++;
  };
  for await (const { data } of readLog(path, {
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
  await write([['stdout', 'x\n']]);
  const until = BigInt(Date.now() + 50) * 1_000_000n;
  assert.equal((await read({ follow: true, until })).all, 'x\n');
  const cancel = new AbortController();
  const following = assert.rejects(read({ follow: true, signal: cancel.signal }), (error) =>
    hasCode(error, Code.CANCELLED),
  );
  await sleep(20);
  cancel.abort();
  await following;
});

test('a snapshot holds what was written before it, and nothing later', async () => {
  const log = writer({ maxBytes: 500, maxFiles: 100 });
  log.write('stdout', Buffer.from('before\n'.repeat(50)));
  log.write('stdout', Buffer.from('begun'));
  const snapshot = log.snapshot();
  log.write('stdout', Buffer.from(' after\n'.repeat(50)));
  await log.flush();
  let text = '';
  for await (const batch of readSnapshot(snapshot, { stdout: true, stderr: true })) {
    for (const { data } of batch) text += data.toString();
  }
  assert.equal(text, `${'before\n'.repeat(50)}begun`);
  await log.close();
});

test('a log that cannot be written is said once, and what comes later is written again', async () => {
  const said: string[] = [];
  const log = new LogWriter(join(directory, 'later/a.log'), UNLIMITED, {
    ...silentLog,
    error: (_, message) => said.push(message),
  });
  log.write('stdout', Buffer.from('lost\n'));
  await log.flush();
  log.write('stdout', Buffer.from('lost\n'));
  await log.flush();
  assert.deepEqual(said, ['cannot write a log; output is missing in it']);
  assert.equal(log.bytes, 0);
  await mkdir(join(directory, 'later'));
  log.write('stdout', Buffer.from('kept\n'));
  await log.close();
  path = join(directory, 'later/a.log');
  assert.equal((await read()).all, 'kept\n');
});

test('64-byte lines are logged at 100 MB/s or near it, and the event loop stays free', {
  timeout: 60_000,
}, async () => {
  const log = writer({ maxBytes: 10 << 20, maxFiles: 3 });
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
