import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

describe('ps, start, stop, restart, kill, rm, wait', () => {
  test('a container’s life', async () => {
    const id = await daemon.ok([
      'create',
      '--name',
      'life',
      'busybox',
      'sh',
      '-c',
      'trap "exit 5" TERM; while :; do sleep 0.1; done',
    ]);
    const state = () => daemon.ok(['ps', '-a', '--format', '{{.Names}} {{.State}}', '-f', 'name=life']);
    assert.equal(await state(), 'life created');
    assert.equal(await daemon.ok(['start', 'life']), 'life');
    assert.equal(await state(), 'life running');
    const waiting = daemon.ok(['wait', 'life']);
    assert.equal(await daemon.ok(['stop', id.slice(0, 6)]), id.slice(0, 6));
    assert.equal(await waiting, '5');
    assert.match(
      await daemon.ok(['ps', '-a', '--format', '{{.Status}}']),
      /^Exited \(5\) (Less than a second|\d+ seconds?) ago$/,
    );
    assert.equal(await daemon.ok(['restart', '-t', '1', 'life']), 'life');
    const running = await daemon.k3c(['rm', 'life']);
    assert.equal(running.code, 1);
    assert.equal(
      running.stderr,
      'Error response from daemon: cannot remove container "/life": container is running: stop the container before removing or force remove\n',
    );
    assert.equal(await daemon.ok(['kill', '-s', 'KILL', 'life']), 'life');
    assert.equal(await daemon.ok(['wait', 'life']), '137');
    assert.equal(await daemon.ok(['rm', 'life']), 'life');
    assert.equal(await daemon.ok(['ps', '-aq']), '');
  });

  test('several at once, with one that is not there', async () => {
    for (const name of ['m1', 'm2']) await daemon.ok(['run', '-d', '--name', name, 'busybox', 'sleep', '1000']);
    const { code, stdout, stderr } = await daemon.k3c(['kill', 'm1', 'nope', 'm2']);
    assert.deepEqual([code, stdout, stderr], [1, 'm1\nm2\n', 'Error response from daemon: No such container: nope\n']);
    assert.equal(await daemon.ok(['rm', '-f', 'm1', 'nope', 'm2']), 'm1\nm2');
  });

  test('sizes: what a container wrote, and all of its root file system', async () => {
    await daemon.ok(['run', '--name', 'wrote', 'busybox', 'dd', 'if=/dev/zero', 'of=/data', 'bs=1M', 'count=3']);
    const [writable = 0, whole = 0] = (await daemon.ok(['inspect', '-s', '-f', '{{.SizeRw}} {{.SizeRootFs}}', 'wrote']))
      .split(' ')
      .map(Number);
    assert.ok(writable >= 3 << 20 && writable < 4 << 20, String(writable));
    assert.ok(whole > writable + (1 << 20), String(whole));
    assert.match(await daemon.ok(['ps', '-as', '--format', '{{.Size}}']), /^3\.\d+MB \(virtual [\d.]+MB\)$/);
    assert.equal(await daemon.ok(['rm', 'wrote']), 'wrote');
  });

  test('filters', async () => {
    await daemon.ok(['run', '-d', '--name', 'f-one', '-l', 'tier=a', 'busybox', 'sleep', '1000']);
    await daemon.k3c(['run', '--name', 'f-two', '-l', 'tier=b', 'busybox', 'sh', '-c', 'exit 3']);
    const names = (...filters: string[]) =>
      daemon.ok(['ps', '-a', '--format', '{{.Names}}', ...filters.flatMap((filter) => ['-f', filter])]);
    assert.equal(await names('label=tier=a'), 'f-one');
    assert.equal(await names('label=tier'), 'f-two\nf-one');
    assert.equal(await names('status=exited'), 'f-two');
    assert.equal(await names('exited=3'), 'f-two');
    assert.equal(await names('name=one', 'ancestor=busybox'), 'f-one');
    assert.equal(await daemon.ok(['ps', '-l', '--format', '{{.Names}}']), 'f-two');
    await daemon.ok(['rm', '-f', 'f-one', 'f-two']);
  });
});

describe('exec', () => {
  before(async () => {
    await daemon.ok(['run', '-d', '--name', 'box', 'busybox', 'sleep', '1000']);
  });

  test('streams, exit codes and flags', async () => {
    const result = await daemon.k3c(['exec', 'box', 'sh', '-c', 'echo out; echo err >&2; exit 3']);
    assert.deepEqual([result.code, result.stdout, result.stderr], [3, 'out\n', 'err\n']);
    const flags = ['-e', 'A=1', '-w', '/tmp', '-u', 'nobody'];
    assert.equal(await daemon.ok(['exec', ...flags, 'box', 'sh', '-c', 'echo $A $(pwd) $(id -un)']), '1 /tmp nobody');
    assert.equal(await daemon.ok(['exec', '-i', 'box', 'cat'], { stdin: 'x' }), 'x');
    const missing = await daemon.k3c(['exec', 'box', 'nosuch']);
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /^Error response from daemon: .*executable file not found in \$PATH\n$/);
    const nowhere = await daemon.k3c(['exec', 'nope', 'true']);
    assert.deepEqual([nowhere.code, nowhere.stderr], [1, 'Error response from daemon: No such container: nope\n']);
  });

  test('-d returns at once', async () => {
    await daemon.ok(['exec', '-d', 'box', 'sh', '-c', 'sleep 0.2; echo done > /tmp/flag']);
    assert.equal(
      await daemon.ok(['exec', 'box', 'sh', '-c', 'until [ -e /tmp/flag ]; do sleep 0.05; done; cat /tmp/flag']),
      'done',
    );
  });

  test('a container that does not run is named', async () => {
    await daemon.ok(['create', '--name', 'idle', 'busybox', 'true']);
    const { code, stderr } = await daemon.k3c(['exec', 'idle', 'true']);
    assert.equal(code, 1);
    assert.match(stderr, /is not running/);
    await daemon.ok(['rm', 'idle']);
  });
});

describe('logs', () => {
  test('has both streams, lines from the end, times, and follows', async () => {
    const script = 'echo one; echo two >&2; printf three';
    await daemon.ok(['run', '--name', 'talk', 'busybox', 'sh', '-c', script]);
    const all = await daemon.k3c(['logs', 'talk']);
    assert.deepEqual([all.code, all.stdout, all.stderr], [0, 'one\nthree', 'two\n']);
    assert.match(await daemon.ok(['logs', '-t', '-n', '1', 'talk']), /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z three$/);
    assert.equal(await daemon.ok(['logs', '--since', '2030-01-01', 'talk']), '');
    await daemon.ok(['rm', 'talk']);
    await daemon.ok(['run', '-d', '--name', 'slow', 'busybox', 'sh', '-c', 'echo a; sleep 0.5; echo b']);
    assert.equal(await daemon.ok(['logs', '-f', 'slow']), 'a\nb');
    await daemon.ok(['rm', 'slow']);
    const missing = await daemon.k3c(['logs', 'nope']);
    assert.deepEqual([missing.code, missing.stderr], [1, 'Error response from daemon: No such container: nope\n']);
  });
});

describe('attach', () => {
  test('joins input and output, and ends with the exit code', async () => {
    await daemon.ok(['run', '-d', '-i', '--name', 'join', 'busybox', 'sh', '-c', 'read x; echo got $x; exit 4']);
    const { code, stdout } = await daemon.k3c(['attach', 'join'], { stdin: 'hello\n' });
    assert.deepEqual([code, stdout], [4, 'got hello\n']);
    const stopped = await daemon.k3c(['attach', 'join']);
    assert.deepEqual([stopped.code, stopped.stderr], [1, 'cannot attach to a stopped container, start it first\n']);
    const again = await daemon.k3c(['start', '-ai', 'join'], { stdin: 'again\n' });
    assert.deepEqual([again.code, again.stdout], [4, 'got again\n']);
    await daemon.ok(['rm', 'join']);
  });

  test('several see the same output', async () => {
    await daemon.ok(['run', '-d', '-i', '--name', 'many', 'busybox', 'sh', '-c', 'read x; echo $x']);
    const watchers = [1, 2, 3].map(() => daemon.spawn(['attach', '--no-stdin', 'many']));
    const outputs = watchers.map(async (watcher) => {
      let out = '';
      watcher.stdout?.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
      await once(watcher, 'close');
      return out;
    });
    await new Promise((resolve) => setTimeout(resolve, 700));
    const { stdout } = await daemon.k3c(['attach', 'many'], { stdin: 'all\n' });
    assert.deepEqual([stdout, ...(await Promise.all(outputs))], ['all\n', 'all\n', 'all\n', 'all\n']);
    await daemon.ok(['rm', 'many']);
  });
});

describe('inspect', () => {
  test('containers and images, with templates', async () => {
    const id = await daemon.ok([
      'create',
      '--name',
      'seen',
      '-e',
      'A=1',
      '-l',
      'a.b=c',
      '-m',
      '64m',
      'busybox',
      'true',
    ]);
    const format =
      '{{.Id}} {{.Name}} {{.State.Status}} {{index .Config.Labels "a.b"}} {{.HostConfig.Memory}} {{.Config.Image}}';
    assert.equal(await daemon.ok(['inspect', '-f', format, 'seen']), `${id} /seen created c ${64 << 20} busybox`);
    const [document] = JSON.parse(await daemon.ok(['inspect', 'seen'])) as [{ Id: string }];
    assert.equal(document.Id, id);
    assert.match(
      await daemon.ok(['inspect', '-f', '{{.Id}} {{.RepoTags}} {{.Os}}', 'busybox']),
      /^sha256:[0-9a-f]{64} \[busybox:latest\] linux$/,
    );
    const missing = await daemon.k3c(['inspect', 'nope']);
    assert.deepEqual([missing.code, missing.stdout, missing.stderr], [1, '[]\n', 'Error: No such object: nope\n']);
    await daemon.ok(['rm', 'seen']);
  });
});

describe('version and info', () => {
  test('show both sides', async () => {
    const text = await daemon.ok(['version']);
    assert.match(text, /^Client:\n Version: .*\nServer:\n Engine:\n {2}Version: .*\n containerd:\n/s);
    assert.equal(
      await daemon.ok(['version', '-f', '{{.Client.Version}}']),
      await daemon.ok(['version', '-f', '{{.Server.Version}}']),
    );
    assert.match(await daemon.ok(['info']), /\n Storage Driver: \w+\n/);
  });
  test('without a daemon show the client’s, and fail', async () => {
    const { code, stdout, stderr } = await daemon.k3c(['-H', '/nonexistent.sock', 'version']);
    assert.equal(code, 1);
    assert.match(stdout, /^Client:\n Version: /);
    assert.equal(
      stderr,
      'cannot connect to the k3c daemon at /nonexistent.sock\nhint: is it running? start it with: k3c daemon\n',
    );
  });
});
