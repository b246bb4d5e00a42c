/** The reader of logs, on what the writer wrote. */
import assert from 'node:assert/strict';
import { appendFile, rename, utimes } from 'node:fs/promises';
import { test } from 'node:test';
import { logLab } from '../../../../test/support/log-lab.ts';
import { readSnapshot } from './read-log.ts';
import type { StreamName } from './types.ts';

const lab = logLab();

/** Numbers that look random and are the same on every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

test('tail counts whole lines of the streams that are wanted', async () => {
  await lab.write([
    ['stdout', 'o1\no2\n'],
    ['stderr', 'e1\n'],
    ['stdout', 'o3\n'],
    ['stderr', 'e2\n'],
  ]);
  assert.equal((await lab.read({ tail: 0 })).all, '');
  assert.equal((await lab.read({ tail: 2 })).all, 'o3\ne2\n');
  assert.equal((await lab.read({ tail: 2, stderr: false })).all, 'o2\no3\n');
  assert.equal((await lab.read({ tail: 99 })).all, 'o1\no2\ne1\no3\ne2\n');
});

test('a line in pieces is one line for tail, wherever the pieces lie', async () => {
  const log = lab.writer();
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
  assert.equal((await lab.read({ tail: 1 })).all, 'end');
  assert.equal((await lab.read({ tail: 2 })).all, 'abc\nend');
  assert.equal((await lab.read({ tail: 3 })).all, 'abz\nc\nend');
  assert.equal((await lab.read({ tail: 6 })).all, 'old\nax\ny\nbz\nc\nend');
});

test('tail of a long log over several files is the end of it, for any count', async () => {
  const next = random(7);
  const lines = Array.from({ length: 4000 }, (_, i) => `${i} ${'w'.repeat(next(i % 100 === 0 ? 40_000 : 100))}\n`);
  await lab.write([['stdout', lines.join('')]], { maxBytes: 200_000, maxFiles: 100 });
  for (const tail of [1, 2, 17, 99, 100, 101, 1500, 3999, 4000, 5000]) {
    assert.ok((await lab.read({ tail })).stdout === lines.slice(-tail).join(''), `tail ${tail}`);
  }
});

test('since and until are inclusive and apply to what tail left', async () => {
  const at = (ms: number) => `2026-01-01T00:00:00.${String(ms).padStart(3, '0')}Z`;
  await appendFile(lab.path, [1, 2, 3, 4].map((n) => `${at(n)} stdout F ${n}\n`).join(''));
  const time = (ms: number) => BigInt(Date.parse(at(ms))) * 1_000_000n;
  assert.equal((await lab.read({ since: time(2) })).all, '2\n3\n4\n');
  assert.equal((await lab.read({ until: time(3) })).all, '1\n2\n3\n');
  assert.equal((await lab.read({ since: time(2), until: time(3) })).all, '2\n3\n');
  assert.equal((await lab.read({ tail: 3, until: time(2) })).all, '2\n');
});

test('a file whose stamp is a little older than its last record is read', async () => {
  await appendFile(lab.path, '2026-01-01T00:00:00.451537109Z stdout F last\n');
  await utimes(lab.path, new Date(), new Date('2026-01-01T00:00:00.448Z'));
  const since = BigInt(Date.parse('2026-01-01T00:00:00.451Z')) * 1_000_000n + 537_109n;
  assert.equal((await lab.read({ since })).all, 'last\n');
  assert.equal((await lab.read({ since: since + 1n })).all, '');
});

test('a log that does not exist is empty', async () => {
  assert.equal((await lab.read()).all, '');
  assert.equal((await lab.read({ tail: 5 })).all, '');
  assert.equal((await lab.read({ follow: true, ended: AbortSignal.abort() })).all, '');
});

test('what a move that was cut off has left is read all the same', async () => {
  await lab.write([['stdout', 'one\ntwo\nthree\n']], { maxBytes: 45, maxFiles: 5 });
  // As after a crash behind the last rename, and in the middle of several.
  await rename(lab.path, `${lab.path}.9`);
  assert.equal((await lab.read()).all, 'one\ntwo\n');
  await rename(`${lab.path}.9`, lab.path);
  await rename(`${lab.path}.2`, `${lab.path}.3`);
  await rename(`${lab.path}.1`, `${lab.path}.2`);
  assert.equal((await lab.read()).all, 'one\ntwo\nthree\n');
});

test('a snapshot holds what was written before it, and nothing later', async () => {
  const log = lab.writer({ maxBytes: 500, maxFiles: 100 });
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
