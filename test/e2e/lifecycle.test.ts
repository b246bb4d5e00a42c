/** The life of containers as a user sees it: pause, rename, many at once, signals, restarts, and daemons that come and go. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeBusyboxImage } from '../support/image.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

const SLEEP = ['busybox', 'sleep', '1000'];
const run = (name: string, ...rest: string[]) => daemon.ok(['run', '-d', '--name', name, ...rest]);
const show = (name: string, format: string) => daemon.ok(['inspect', '-f', format, name]);
const remove = (...names: string[]) => daemon.ok(['rm', '-f', ...names]);
const failed = async (...args: string[]) => {
  const { code, stdout, stderr } = await daemon.k3c(args);
  return [code, stdout, stderr];
};
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await holds()) return;
    await sleep(50);
  }
  assert.fail(what);
}

describe('pause and unpause', () => {
  test('ps, inspect and info tell of it, and the processes stand still', async () => {
    const id = await run('ice', 'busybox', 'sh', '-c', 'while :; do echo tick; sleep 0.02; done');
    assert.equal(await daemon.ok(['pause', 'ice']), 'ice');
    assert.match(await daemon.ok(['ps', '--format', '{{.Status}}', '-f', 'status=paused']), /^Up .* \(Paused\)$/);
    assert.equal(
      await show('ice', '{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.Dead}}'),
      'paused true true false',
    );
    assert.match(await daemon.ok(['info']), / Paused: 1\n/);
    const log = () => daemon.ok(['logs', 'ice']).then((text) => text.length);
    const before = await log();
    await sleep(300);
    assert.equal(await log(), before);
    const says = (sentence: string) => `Error response from daemon: ${sentence}\n`;
    assert.deepEqual(await failed('exec', 'ice', 'true'), [
      1,
      '',
      says(`Container ${id} is paused, unpause the container before exec`),
    ]);
    assert.deepEqual(await failed('pause', 'ice', 'nope'), [
      1,
      '',
      says(`container ${id} is already paused`) + says('No such container: nope'),
    ]);
    assert.deepEqual(await failed('rm', 'ice'), [
      1,
      '',
      says('cannot remove container "/ice": container is paused and must be unpaused first'),
    ]);
    assert.equal(await daemon.ok(['unpause', 'ice']), 'ice');
    assert.equal(await daemon.ok(['exec', 'ice', 'echo', 'warm']), 'warm');
    assert.deepEqual(await failed('unpause', 'ice'), [1, '', says(`Container ${id} is not paused`)]);
    await remove('ice');
  });

  test('a paused container can be stopped, restarted and removed', async () => {
    await run('p1', 'busybox', 'sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.05; done');
    await run('p2', ...SLEEP);
    await run('p3', ...SLEEP);
    await sleep(200);
    await daemon.ok(['pause', 'p1', 'p2', 'p3']);
    await daemon.ok(['stop', 'p1']);
    assert.equal(await show('p1', '{{.State.ExitCode}} {{.State.Paused}}'), '7 false');
    await daemon.ok(['restart', '-t', '0', 'p2']);
    assert.equal(await show('p2', '{{.State.Status}}'), 'running');
    await remove('p1', 'p2', 'p3');
  });
});

describe('rename', () => {
  test('the old name is free at once, and the errors are docker’s', async () => {
    const id = await run('first', ...SLEEP);
    assert.equal(await daemon.ok(['rename', 'first', 'second']), '');
    const other = await run('first', ...SLEEP);
    assert.equal(await show('second', '{{.Id}}'), id);
    assert.deepEqual(await failed('rename', 'second', 'first'), [
      1,
      '',
      `Error response from daemon: Error when allocating new name: Conflict. The container name "/first" is already in use by container "${other}". You have to remove (or rename) that container to be able to reuse that name.\nError: failed to rename container named second\n`,
    ]);
    await daemon.ok(['restart', '-t', '0', 'second']);
    assert.equal(await show('second', '{{.Name}} {{.K3c.Pod}}'), '/second second');
    await remove('first', 'second');
  });
});

describe('many at once', () => {
  test('ten that ignore the signal stop together', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `n${i}`);
    await Promise.all(names.map((name) => run(name, ...SLEEP)));
    const began = Date.now();
    assert.equal(await daemon.ok(['stop', '-t', '1', ...names]), names.join('\n'));
    // One after the other they would take ten seconds at least.
    assert.ok(Date.now() - began < 9500, `${Date.now() - began} ms`);
    assert.equal(await daemon.ok(['start', ...names]), names.join('\n'));
    assert.equal(await daemon.ok(['restart', '--time', '0', ...names]), names.join('\n'));
    const waiting = daemon.ok(['wait', ...names]);
    await sleep(300);
    assert.equal(await daemon.ok(['kill', ...names]), names.join('\n'));
    assert.equal(await waiting, names.map(() => '137').join('\n'));
    assert.equal(await daemon.ok(['rm', ...names]), names.join('\n'));
  });
});

describe('signals and timeouts', () => {
  const trap =
    'for s in TERM INT USR1 USR2; do trap "echo $s; exit 3" $s; done; echo ready; while :; do sleep 0.05; done';
  const ready = (name: string) =>
    until(`${name} is ready`, async () => (await daemon.ok(['logs', name])).includes('ready'));
  const stopped = async (name: string, ...stop: string[]) => {
    await ready(name);
    await daemon.ok([...stop, name]);
    const said = await daemon.ok(['logs', name]);
    await remove(name);
    return said;
  };

  test('of the image, of --stop-signal and of the command, the later before the earlier', async () => {
    const archive = await writeBusyboxImage(daemon.directory, 'docker.io/library/usr1:latest', {
      stopSignal: 'SIGUSR1',
    });
    await daemon.ok(['load', '-q', '-i', archive]);
    await run('s0', 'busybox', 'sh', '-c', trap);
    await run('s1', 'usr1', 'sh', '-c', trap);
    await run('s2', '--stop-signal', 'USR2', 'usr1', 'sh', '-c', trap);
    await run('s3', '--stop-signal', 'USR2', 'usr1', 'sh', '-c', trap);
    assert.equal(await stopped('s0', 'stop'), 'ready\nTERM');
    assert.equal(await stopped('s1', 'stop'), 'ready\nUSR1');
    assert.equal(await stopped('s2', 'stop'), 'ready\nUSR2');
    assert.equal(await stopped('s3', 'stop', '-s', 'INT'), 'ready\nINT');
    await daemon.ok(['rmi', 'usr1']);
  });

  test('--stop-timeout, -t, and -1 for ever', async () => {
    const deaf = ['busybox', 'sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'];
    await run('t1', '--stop-timeout', '1', ...deaf);
    await run('t2', '--stop-timeout', '0', ...deaf);
    await Promise.all(['t1', 't2'].map(ready));
    const took = async (...args: string[]) => {
      const began = Date.now();
      await daemon.ok(args);
      return Date.now() - began;
    };
    assert.ok((await took('stop', 't1')) >= 1000);
    assert.equal(await show('t1', '{{.State.ExitCode}}'), '137');
    const forever = took('stop', '--timeout', '-1', 't2');
    await sleep(1500);
    assert.equal(await show('t2', '{{.State.Status}}'), 'running');
    await daemon.ok(['kill', 't2']);
    assert.ok((await forever) >= 1500);
    await remove('t1', 't2');
  });

  test('events are in docker’s order', async () => {
    const id = await run('ev', 'busybox', 'sh', '-c', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done');
    await ready('ev');
    await daemon.ok(['stop', 'ev']);
    await daemon.ok(['rename', 'ev', 'ev2']);
    await daemon.ok(['rm', 'ev2']);
    const now = Math.ceil(Date.now() / 1000) + 1;
    const text = await daemon.ok([
      'events',
      '--since',
      '0',
      '--until',
      String(now),
      '-f',
      `container=${id}`,
      '--format',
      '{{.Action}}',
    ]);
    assert.equal(text, 'create\nstart\nkill\ndie\nstop\nrename\ndestroy');
  });
});

describe('the state of what ended', () => {
  test('lack of memory, exit codes, commands that cannot be run', async () => {
    const ends: [name: string, args: string[], code: number][] = [
      ['e0', ['busybox', 'sh', '-c', 'exit 42'], 42],
      ['e1', ['-m', '8m', 'busybox', 'sh', '-c', 'x=a; while :; do x=$x$x; done'], 137],
      ['e3', ['busybox', 'nosuch'], 127],
      ['e4', ['busybox', '/etc/passwd'], 126],
    ];
    const codes = await Promise.all(
      ends.map(async ([name, args]) => (await daemon.k3c(['run', '--name', name, ...args])).code),
    );
    assert.deepEqual(
      codes,
      ends.map(([, , code]) => code),
    );
    const state = (name: string) =>
      show(name, '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Running}} {{.State.Pid}}');
    assert.equal(await state('e0'), 'exited 42 false false 0');
    assert.equal(await state('e1'), 'exited 137 true false 0');
    assert.equal(await state('e3'), 'created 127 false false 0');
    assert.equal(await state('e4'), 'created 126 false false 0');
    assert.match(await show('e3', '{{.State.Error}}'), /executable file not found in \$PATH/);
    assert.equal(await show('e3', '{{.State.StartedAt}}'), '0001-01-01T00:00:00Z');
    const [began = '', finished = ''] = (await show('e0', '{{.State.StartedAt}} {{.State.FinishedAt}}')).split(' ');
    assert.ok(Date.parse(began) <= Date.parse(finished), `${began} ${finished}`);
    await remove(...ends.map(([name]) => name));
  });

  test('a --rm container whose start fails is gone, whoever starts it', async () => {
    assert.equal((await daemon.k3c(['run', '--rm', '--name', 'g1', 'busybox', 'nosuch'])).code, 127);
    await daemon.ok(['create', '--rm', '--name', 'g2', 'busybox', 'nosuch']);
    assert.equal((await daemon.k3c(['start', 'g2'])).code, 1);
    assert.equal(await daemon.ok(['ps', '-aq']), '');
  });
});

describe('daemons that come and go', () => {
  test('a killed daemon finds what is paused, renamed and restarting as it was; a stopped one starts what it should', async () => {
    await run('d-paused', ...SLEEP);
    await run('d-always', '--restart', 'always', ...SLEEP);
    await run('d-unless', '--restart', 'unless-stopped', ...SLEEP);
    await run('d-loop', '--restart', 'on-failure', 'busybox', 'sh', '-c', 'exit 2');
    await run('d-old', ...SLEEP);
    await daemon.ok(['pause', 'd-paused']);
    await daemon.ok(['rename', 'd-old', 'd-new']);
    await daemon.ok(['stop', '-t', '0', 'd-always', 'd-unless']);
    const restarts = async () => Number(await show('d-loop', '{{.RestartCount}}'));
    await until('it restarts', async () => (await restarts()) >= 3);
    const before = await restarts();
    await daemon.end('SIGKILL');
    await daemon.start();
    assert.equal(await show('d-paused', '{{.State.Status}}'), 'paused');
    assert.equal(await show('d-new', '{{.State.Status}}'), 'running');
    assert.ok((await restarts()) >= before);
    await until('always runs', async () => (await show('d-always', '{{.State.Status}}')) === 'running');
    assert.equal(await show('d-unless', '{{.State.Status}}'), 'exited');
    await daemon.ok(['unpause', 'd-paused']);
    assert.equal(await daemon.ok(['exec', 'd-paused', 'echo', 'on']), 'on');
    await daemon.ok(['stop', 'd-loop']);
    await remove('d-paused', 'd-always', 'd-unless', 'd-loop', 'd-new');
  });
});
