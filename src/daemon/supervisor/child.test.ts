import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../host/log.ts';
import { Supervised } from './child.ts';

const running = new AbortController().signal;

describe('Supervised', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'k3c-child-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const started: Supervised[] = [];
  // A test that fails must not leave a child that is started again for ever.
  afterEach(() => Promise.all(started.splice(0).map((child) => child.stop(100))));

  function shell(
    script: string,
    probe: () => Promise<void>,
    options: { readyTimeoutMs?: number; onRecovered?: () => Promise<void> } = {},
  ): Supervised {
    const child = new Supervised({
      name: 'child',
      prepare: () => Promise.resolve({ command: '/bin/sh', args: ['-c', script], env: process.env }),
      probe,
      log: silentLog,
      onLine: () => undefined,
      ...options,
    });
    started.push(child);
    return child;
  }
  const fileThere = (path: string) => async () => void (await readFile(path));

  test('is ready when its probe succeeds, and stops', async () => {
    const mark = join(directory, 'ready');
    const child = shell(`sleep 0.1; touch ${mark}; exec sleep 60`, fileThere(mark));
    await child.start(running);
    assert.equal(child.state.kind, 'ready');
    await child.stop(1000);
    assert.equal(child.state.kind, 'stopped');
  });

  test('a death before readiness is an error with its last words', async () => {
    const child = shell('echo "cannot open the thing" >&2; exit 3', () => Promise.reject(new Error('not up')));
    await assert.rejects(
      child.start(running),
      /child exited with code 3 before it was ready; its last lines:\n {2}cannot open the thing/,
    );
    assert.equal(child.state.kind, 'stopped');
  });

  test('one that never answers is ended after the limit', async () => {
    const child = shell('exec sleep 60', () => Promise.reject(new Error('not up')), { readyTimeoutMs: 100 });
    await assert.rejects(child.start(running), /did not answer within 0.1 s/);
  });

  test('is started anew when that is asked for, without a pause; who waits is told when it is ready', async () => {
    const runs = join(directory, 'runs');
    const child = shell(`echo $$ >>${runs}; exec sleep 60`, async () => {
      const lines = (await readFile(runs, 'utf8')).trim().split('\n');
      if (lines.at(-1) !== String(child.pid)) throw new Error('not yet');
    });
    await child.restart(1000);
    await child.start(running);
    const first = child.pid;
    await child.settled();
    const began = performance.now();
    const restarted = child.restart(1000);
    let isSettled = false;
    const settled = child.settled().then(() => {
      isSettled = true;
    });
    await sleep(0);
    assert.equal(isSettled, false);
    await Promise.all([restarted, settled]);
    assert.ok(performance.now() - began < 1000);
    assert.equal(child.state.kind, 'ready');
    assert.notEqual(child.pid, first);
    assert.equal((await readFile(runs, 'utf8')).trim().split('\n').length, 2);
    const cut = child.restart(1000);
    await child.stop(1000);
    await cut;
    assert.equal(child.state.kind, 'stopped');
  });

  test('is started again after a death, and what depends on it is told', async () => {
    const pids = join(directory, 'pids');
    let recovered: () => void = () => undefined;
    const recovery = new Promise<void>((resolve) => {
      recovered = resolve;
    });
    const returned: boolean[] = [];
    const child = shell(`echo $$ >>${pids}; exec sleep 60`, fileThere(pids), {
      onRecovered: async () => {
        returned.push(child.returning === undefined);
        recovered();
      },
    });
    await child.start(running);
    assert.equal(child.returning, undefined);
    const first = Number((await readFile(pids, 'utf8')).trim());
    process.kill(first, 'SIGKILL');
    while (child.returning === undefined) await sleep(5);
    await child.returning;
    await recovery;
    assert.deepEqual(returned, [false]);
    assert.equal(child.returning, undefined);
    // The probe knows only that the file is there: the second child may still be about to write its line.
    while ((await readFile(pids, 'utf8')).trim().split('\n').length < 2) await sleep(5);
    assert.equal(child.state.kind, 'ready');
    await child.stop(1000);
  });

  test('one that ignores SIGTERM is killed after the timeout', async () => {
    const mark = join(directory, 'stubborn');
    const child = shell(`trap '' TERM; touch ${mark}; while :; do sleep 0.05; done`, fileThere(mark));
    await child.start(running);
    const before = performance.now();
    await child.stop(150);
    assert.ok(performance.now() - before >= 140);
  });

  test('stop during the pause after a death ends the supervision', async () => {
    const child = shell('exit 0', () => Promise.resolve());
    // Ready at once, dead at once: it lives in its backoff.
    await child.start(running).catch(() => undefined);
    await sleep(20);
    const { returning } = child;
    await child.stop(100);
    assert.equal(child.state.kind, 'stopped');
    // Nobody waits for what does not come back.
    await returning;
  });
});
