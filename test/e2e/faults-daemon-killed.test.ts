/** kill -9 of the daemon while containers run and end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { counted, countTo, until } from '../support/counting.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { processesWith } from '../support/sweep.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());
afterEach(async () => {
  for (const id of (await daemon.ok(['ps', '-aq'])).split('\n')) if (id !== '') await daemon.k3c(['rm', '-f', id]);
});

const inspect = (name: string, format: string) => daemon.ok(['inspect', '-f', format, name]);

async function engineProcesses(): Promise<number[]> {
  const found = await Promise.all(
    ['containerd.toml', 'buildkitd.toml'].map((config) => processesWith([`${daemon.state}/${config}`])),
  );
  return found.flat();
}

describe('kill -9 of the daemon', { timeout: 120_000 }, () => {
  test('ends its children and no container, and a client says what happened', async () => {
    const direct = daemon.spawn(['run', '--name', 'fg1', 'busybox', 'sh', '-c', countTo(200, 0.02, 'exit 7')], {
      direct: true,
    });
    const guest = daemon.spawn(['run', '--name', 'fg2', 'busybox', 'sh', '-c', countTo(200, 0.02, 'exit 8')]);
    const ends = [direct, guest].map(async (child) => {
      let err = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      const [code] = await once(child, 'close');
      return { code, err };
    });
    await Promise.all([direct, guest].map((child) => once(child.stdout ?? child, 'data')));
    await sleep(300);
    assert.equal((await engineProcesses()).length, 2);
    await daemon.end('SIGKILL');
    for (const { code, err } of await Promise.all(ends)) {
      assert.equal(code, 125);
      assert.match(err, /^k3c: (the connection to .* was lost|the daemon went away before the command had ended)\n/);
    }
    await until('no orphaned child', async () => (await engineProcesses()).length === 0, 5000);
    await daemon.start();
    assert.equal(await daemon.ok(['ps', '-q', '-f', 'name=fg']).then((ids) => ids.split('\n').length), 2);
    // No line of output is lost, doubled or changed.
    assert.equal(await daemon.ok(['wait', 'fg1', 'fg2']), '7\n8');
    for (const name of ['fg1', 'fg2']) assert.equal(`${await daemon.ok(['logs', name])}\n`, counted(200));
  });

  test('what ended meanwhile is recorded: exit code, time, removal', async () => {
    const signs = join(daemon.directory, 'signs');
    await mkdir(signs);
    const run = (name: string, flags: readonly string[], code: number) => {
      const script = `until test -e /signs/end; do sleep 0.05; done; exit ${code}`;
      return daemon.ok(['run', '-d', ...flags, '--name', name, '-v', `${signs}:/signs`, 'busybox', 'sh', '-c', script]);
    };
    await run('ends', [], 42);
    await run('killed', [], 137);
    await run('volatile', ['--rm'], 0);
    await daemon.ok(['run', '-d', '--rm', '--name', 'stays', 'busybox', 'sleep', '1000']);
    await daemon.end('SIGKILL');
    const from = Date.now();
    await writeFile(join(signs, 'end'), '');
    await sleep(1500);
    const to = Date.now();
    await daemon.start();
    assert.equal(await inspect('ends', '{{.State.Status}} {{.State.ExitCode}} {{.State.Running}}'), 'exited 42 false');
    assert.equal(await inspect('killed', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 137');
    const finished = Date.parse(await inspect('ends', '{{.State.FinishedAt}}'));
    assert.ok(finished >= from && finished <= to, `finished ${finished}, not from ${from} to ${to}`);
    assert.equal(await daemon.ok(['ps', '-a', '--format', '{{.Names}}']), 'stays\nkilled\nends');
  });

  test('the next daemon honours restart policies', async () => {
    const run = (name: string, policy: string, script: string) =>
      daemon.ok(['run', '-d', '--name', name, '--restart', policy, 'busybox', 'sh', '-c', script]);
    await run('always', 'always', 'sleep 1; exit 0');
    await run('failing', 'on-failure', 'test -e /again && exec sleep 1000; touch /again; sleep 1; exit 1');
    await run('fine', 'on-failure', 'sleep 1; exit 0');
    await run('unless', 'unless-stopped', 'exec sleep 1000');
    await run('stopped', 'unless-stopped', 'exec sleep 1000');
    await run('no', 'no', 'sleep 1');
    await daemon.ok(['stop', '-t', '0', 'stopped']);
    await daemon.end('SIGKILL');
    await sleep(1500);
    await daemon.start();
    const stateOf = (name: string) => inspect(name, '{{.State.Status}} {{.State.ExitCode}}');
    await until('always runs again', async () => Number(await inspect('always', '{{.RestartCount}}')) > 0);
    await until('failing runs again', async () => Number(await inspect('failing', '{{.RestartCount}}')) > 0);
    assert.equal(await stateOf('fine'), 'exited 0');
    assert.equal(await stateOf('unless'), 'running 0');
    assert.equal(await inspect('unless', '{{.RestartCount}}'), '0');
    assert.equal(await stateOf('stopped'), 'exited 137');
    assert.equal(await stateOf('no'), 'exited 0');
  });

  test('a client in between is told that there is no daemon', async () => {
    await daemon.end('SIGKILL');
    const { code, stderr } = await daemon.k3c(['ps']);
    assert.equal(code, 1);
    assert.match(stderr, /^cannot connect to the k3c daemon at /);
    await daemon.start();
  });
});
