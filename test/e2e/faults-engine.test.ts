/** kill -9 of containerd, of buildkitd and of a shim, under a daemon that goes on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { counted, countTo, until } from '../support/counting.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { heldForNoContainer } from '../support/leftovers.ts';
import { processesWith } from '../support/sweep.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

/** Resolves when it is gone, which takes the kernel a while: calls that reach it until then fail with it. */
async function kill(name: 'containerd' | 'buildkitd'): Promise<void> {
  const find = () => processesWith([`bin/${name} --config ${daemon.state}/`]);
  // One that is just starting a shim is there twice, between fork and exec.
  const killed = new Set(await find());
  assert.ok(killed.size > 0, name);
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  await until(`${name} is gone`, async () => (await find()).every((pid) => !killed.has(pid)));
}

const containerdIsBack = () => until('containerd is back', async () => (await daemon.k3c(['images'])).code === 0);

/** The end of a spawned command: code and output. */
async function ending(child: ReturnType<Daemon['spawn']>): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

describe('kill -9 of containerd', { timeout: 120_000 }, () => {
  test('clients of a running container see all of its output and its exit code', async () => {
    const direct = daemon.spawn(['run', '--rm', 'busybox', 'sh', '-c', countTo(150, 0.02, 'exit 7')], { direct: true });
    const guest = daemon.spawn(['run', '--name', 'guest', 'busybox', 'sh', '-c', countTo(150, 0.02, 'exit 8')]);
    const ends = [direct, guest].map(ending);
    await Promise.all([direct, guest].map((child) => once(child.stdout ?? child, 'data')));
    await kill('containerd');
    const [first, second] = await Promise.all(ends);
    assert.deepEqual(first, { code: 7, out: counted(150), err: '' });
    assert.deepEqual(second, { code: 8, out: counted(150), err: '' });
    assert.equal(`${await daemon.ok(['logs', 'guest'])}\n`, counted(150));
    await containerdIsBack();
    await daemon.ok(['rm', 'guest']);
    assert.deepEqual(await heldForNoContainer(daemon), []);
  });

  test('commands that come while it is away wait for it', async (t) => {
    await daemon.ok(['run', '-d', '--name', 'patient', 'busybox', 'sleep', '1000']);
    t.after(() => daemon.k3c(['rm', '-f', 'patient']));
    const acts = [
      ['run', '--rm', 'busybox', 'echo', 'hi'],
      ['exec', 'patient', 'echo', 'hi'],
      ['restart', '-t', '0', 'patient'],
      ['image', 'inspect', '-f', 'hi', 'busybox'],
    ];
    for (const act of acts) {
      await kill('containerd');
      // What needs no containerd does not wait for it.
      assert.match(await daemon.ok(['ps', '--format', '{{.Names}}']), /^patient$/m);
      assert.match(await daemon.ok(act), /^(hi|patient)$/, act.join(' '));
    }
  });

  test('exit codes of what ends while it is away are right', async () => {
    // A daemon that is told to stop in between would hide how the exit was found out.
    const ends = [3, 0, 77].map((code) =>
      ending(daemon.spawn(['run', '--rm', 'busybox', 'sh', '-c', `echo up; sleep 0.6; echo down; exit ${code}`])),
    );
    await until('all run', async () => (await daemon.ok(['ps', '-q'])).split('\n').length === 3);
    await kill('containerd');
    // Its start is put off, so that the containers end before it.
    const deadline = performance.now() + 1500;
    while (performance.now() < deadline) {
      for (const pid of await processesWith([`bin/containerd --config ${daemon.state}/`])) process.kill(pid, 'SIGKILL');
      await sleep(20);
    }
    const results = await Promise.all(ends);
    assert.deepEqual(
      results.map(({ code, out }) => [code, out]),
      [3, 0, 77].map((code) => [code, 'up\ndown\n']),
    );
    await containerdIsBack();
    assert.equal(await daemon.ok(['ps', '-aq']), '');
    assert.deepEqual(await heldForNoContainer(daemon), []);
  });
});

test('a container whose shim is killed has ended by SIGKILL, and no process of it is left', {
  timeout: 60_000,
}, async () => {
  await containerdIsBack();
  await daemon.ok(['run', '-d', '--name', 'shimless', 'busybox', 'sleep', `12345.${process.pid}`]);
  const waiting = daemon.ok(['wait', 'shimless']);
  const shims = await processesWith(['containerd-shim-runc-v2', `${daemon.state}/containerd.sock`]);
  assert.equal(shims.length, 1);
  for (const pid of shims) process.kill(pid, 'SIGKILL');
  // Who could know the signal is dead: CRI's code for that, or SIGKILL's, which the cleaning up used.
  assert.match(await waiting, /^(137|255)$/);
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Status}}', 'shimless']), 'exited');
  await until('its process is gone', async () => (await processesWith([`sleep 12345.${process.pid}`])).length === 0);
  assert.equal(await daemon.ok(['start', 'shimless']), 'shimless');
  await daemon.ok(['rm', '-f', 'shimless']);
  assert.deepEqual(await heldForNoContainer(daemon), []);
});

describe('a build', { timeout: 120_000 }, () => {
  for (const [name, pause] of [
    ['buildkitd', `3.0${process.pid}`],
    ['containerd', `3.1${process.pid}`],
  ] as const) {
    test(`fails with a sentence when ${name} is killed, and the next one works`, async () => {
      const context = join(daemon.directory, `ctx-${name}`);
      await mkdir(context);
      await writeFile(
        join(context, 'Dockerfile'),
        `FROM busybox\nRUN echo begun-${name} && sleep ${pause} && echo done > /r\n`,
      );
      const child = daemon.spawn(['build', '-t', `b-${name}`, context]);
      const end = ending(child);
      await once(child.stderr ?? child, 'data');
      await until('the step runs', async () => (await processesWith([`sleep ${pause}`])).length > 0);
      await kill(name);
      const { code, err } = await end;
      assert.equal(code, 1, err);
      assert.match(err, /\n(ERROR: )?.*(buildkit|builder|connection|containerd|rpc|exit code).*\n/i);
      await until(
        'buildkitd is back',
        async () => (await daemon.k3c(['build', '-t', `b-${name}`, context])).code === 0,
        40_000,
      );
      assert.equal(await daemon.ok(['run', '--rm', `b-${name}`, 'cat', '/r']), 'done');
      assert.deepEqual(await heldForNoContainer(daemon), []);
    });
  }
});
