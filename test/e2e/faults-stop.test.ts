/** SIGTERM of the daemon: containers run on, and the next daemon serves them as if nothing had been. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { askTcp } from '../support/ask.ts';
import { counted, countTo, until } from '../support/counting.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  // The leader of a process group, as in a terminal.
  daemon = await startDaemon({ wrapper: ['setsid'] });
});
after(() => daemon.stop());

describe('a daemon that is stopped and started', { timeout: 90_000 }, () => {
  test('leaves containers running; ports lead to them before, between and after', async () => {
    const serve = ['nc', '-ll', '-p', '80', '-e', 'echo', 'hello'];
    await daemon.ok(['run', '-d', '--name', 'web', '-p', '127.0.0.1:0:80', 'busybox', ...serve]);
    const port = Number(/:(\d+)->80/.exec(await daemon.ok(['ps', '--format', '{{.Ports}}']))?.[1]);
    const ask = () => askTcp('127.0.0.1', port);
    await until('the server is up', async () => (await ask()) === 'hello\n');
    await daemon.end('SIGTERM');
    const between = await ask();
    await daemon.start();
    assert.equal(await ask(), 'hello\n');
    assert.match(
      await daemon.ok(['ps', '--format', '{{.Names}} {{.Ports}}']),
      new RegExp(`^web 127\\.0\\.0\\.1:${port}->80/tcp$`),
    );
    // Rules of the kernel go on without a daemon; connections from this very host may need its listener.
    assert.match(between, /^(hello\n|ECONNREFUSED)$/);
    await daemon.ok(['rm', '-f', 'web']);
    assert.equal(await ask(), 'ECONNREFUSED');
  });

  test('logs, wait and exec go on; an attached client is told', async () => {
    const child = daemon.spawn(['run', '--name', 'fg', 'busybox', 'sh', '-c', countTo(150, 0.02, 'sleep 1; exit 5')], {
      direct: true,
    });
    let err = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    await once(child.stdout ?? child, 'data');
    const closed = once(child, 'close');
    await daemon.end('SIGTERM');
    const [code] = await closed;
    assert.equal(code, 125);
    assert.match(err, /daemon is stopping|connection .* was lost/);
    await daemon.start();
    assert.equal(await daemon.ok(['exec', 'fg', 'echo', 'in']), 'in');
    const logs = daemon.ok(['logs', '-f', 'fg']);
    assert.equal(await daemon.ok(['wait', 'fg']), '5');
    assert.equal(`${await logs}\n`, counted(150));
  });

  test('stops within seconds, whatever clients do', async () => {
    const followers = [
      ['logs', '-f', 'fg2'],
      ['exec', 'fg2', 'sleep', '1000'],
      ['wait', 'fg2'],
    ];
    await daemon.ok(['run', '-d', '--name', 'fg2', 'busybox', 'sleep', '1000']);
    const ends = followers.flatMap((args) =>
      [false, true].map((direct) => once(daemon.spawn(args, { direct }), 'close')),
    );
    await sleep(700);
    const started = performance.now();
    await daemon.end('SIGTERM');
    assert.ok(performance.now() - started < 8000, `${performance.now() - started} ms`);
    await Promise.all(ends);
    await daemon.start();
    assert.equal(await daemon.ok(['ps', '--format', '{{.Names}}']), 'fg2');
  });

  test('by ^C in a terminal, which would reach its children too', async () => {
    process.kill(-(daemon.pid ?? assert.fail()), 'SIGINT');
    await until('the daemon has ended', () => daemon.pid === undefined);
    assert.doesNotMatch(daemon.log(), /"failures":/);
    await daemon.start();
    assert.equal(await daemon.ok(['ps', '--format', '{{.Names}}']), 'fg2');
  });
});
