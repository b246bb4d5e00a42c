import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

const HELP = "\n\nRun 'k3c run --help' for more information\n";

describe('run', () => {
  test('prints what the command prints, each stream on its own', async () => {
    const { code, stdout, stderr } = await daemon.k3c(['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2']);
    assert.deepEqual([code, stdout, stderr], [0, 'out\n', 'err\n']);
  });

  test('loses nothing, however short the command', async () => {
    const wrong: string[] = [];
    for (let round = 0; round < 10; round++) {
      const results = await Promise.all(
        Array.from({ length: 4 }, () => daemon.k3c(['run', '--rm', 'busybox', 'echo', 'hi'])),
      );
      for (const { code, stdout, stderr } of results)
        if (stdout !== 'hi\n' || code !== 0) wrong.push(`${code} ${stdout} ${stderr}`);
    }
    assert.deepEqual(wrong, []);
  });

  const codes: [argv: string[], code: number, stderr: RegExp][] = [
    [['sh', '-c', 'exit 42'], 42, /^$/],
    [['sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?'], 137, /^Killed\n$/],
    [['nosuch'], 127, /^k3c: Error response from daemon: .*"nosuch": executable file not found in \$PATH\n/],
    [['/nosuch/x'], 127, /^k3c: Error response from daemon: .*no such file or directory\n/],
    [['/etc'], 126, /^k3c: Error response from daemon: .*(permission denied|is a directory)\n/],
  ];
  for (const [argv, expected, message] of codes) {
    test(`exits with ${expected} for ${argv.join(' ')}`, async () => {
      const { code, stderr } = await daemon.k3c(['run', '--rm', 'busybox', ...argv]);
      assert.equal(code, expected);
      assert.match(stderr, message);
    });
  }

  test('exits with 125 for what k3c cannot do, and leaves nothing', async () => {
    const wrong = await daemon.k3c(['run', '--rm', '--name', '-', 'busybox', 'true']);
    assert.equal(wrong.code, 125);
    assert.equal(
      wrong.stderr,
      `k3c: Error response from daemon: Invalid container name (-), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed${HELP}`,
    );
    const missing = await daemon.k3c(['run', '--pull', 'never', 'nope', 'true']);
    assert.equal(missing.code, 125);
    assert.match(missing.stderr, /No such image: nope/);
    assert.equal(await daemon.ok(['ps', '-aq']), '');
  });

  test('a name that is in use says by whom', async (t) => {
    const id = await daemon.ok(['run', '-d', '--name', 'taken', 'busybox', 'sleep', '1000']);
    t.after(() => daemon.k3c(['rm', '-f', 'taken']));
    const { code, stderr } = await daemon.k3c(['run', '--name', 'taken', 'busybox', 'true']);
    assert.equal(code, 125);
    assert.equal(
      stderr,
      `k3c: Error response from daemon: Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.${HELP}`,
    );
  });

  test('-d prints the full id, --cidfile holds it', async (t) => {
    const file = join(daemon.directory, 'cid');
    const id = await daemon.ok(['run', '-d', '--name', 'bg', '--cidfile', file, 'busybox', 'sleep', '1000']);
    t.after(() => daemon.k3c(['rm', '-f', 'bg']));
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(await readFile(file, 'utf8'), id);
    assert.match(await daemon.ok(['ps']), new RegExp(`^${id.slice(0, 12)} +busybox +"sleep 1000" .* Up .* bg$`, 'm'));
  });

  test('environment, working directory, user, hostname and entrypoint', async () => {
    const flags = ['-e', 'A=1', '-e', 'FROM_ME', '-w', '/tmp', '-u', 'nobody', '--hostname', 'box'];
    const script = 'echo $A $FROM_ME $(pwd) $(id -un) $(hostname)';
    const argv = ['run', '--rm', ...flags, '--entrypoint', '/bin/sh', 'busybox', '-c', script];
    assert.equal(await daemon.ok(argv, { env: { FROM_ME: '2' } }), '1 2 /tmp nobody box');
  });

  test('mounts: bind, read only, named and anonymous volumes, tmpfs', async () => {
    await writeFile(join(daemon.directory, 'file'), 'from the host\n');
    const bind = ['-v', `${daemon.directory}:/host:ro`];
    assert.equal(await daemon.ok(['run', '--rm', ...bind, 'busybox', 'cat', '/host/file']), 'from the host');
    const readOnly = await daemon.k3c(['run', '--rm', ...bind, 'busybox', 'touch', '/host/x']);
    assert.equal(readOnly.code, 1);
    await daemon.ok(['run', '--rm', '-v', 'data:/d', 'busybox', 'sh', '-c', 'echo kept > /d/f']);
    assert.equal(
      await daemon.ok(['run', '--rm', '--mount', 'source=data,target=/d', 'busybox', 'cat', '/d/f']),
      'kept',
    );
    const tmpfs = await daemon.ok([
      'run',
      '--rm',
      '--tmpfs',
      '/t',
      '-v',
      '/anon',
      'busybox',
      'grep',
      ' /t ',
      '/proc/mounts',
    ]);
    assert.match(tmpfs, /^tmpfs \/t tmpfs /);
  });

  test('limits reach the kernel', async () => {
    const script = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null';
    assert.equal(
      await daemon.ok(['run', '--rm', '-m', '64m', 'busybox', 'sh', '-c', `${script}; true`]),
      String(64 << 20),
    );
  });

  test('ports are published, and shown', async (t) => {
    const server = ['httpd', '-f', '-p', '80', '-h', '/etc'];
    await daemon.ok(['run', '-d', '--name', 'web', '-p', '127.0.0.1:0:80', 'busybox', ...server]);
    t.after(() => daemon.k3c(['rm', '-f', 'web']));
    const format = '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}';
    const port = await daemon.ok(['inspect', '-f', format, 'web']);
    assert.match(await daemon.ok(['ps', '--format', '{{.Ports}}']), new RegExp(`^127\\.0\\.0\\.1:${port}->80/tcp$`));
    let text = '';
    for (let i = 0; i < 50 && text === ''; i++) {
      // The server may not be up yet: asked again.
      text = await fetch(`http://127.0.0.1:${port}/passwd`).then(
        (response) => response.text(),
        () => sleep(100, ''),
      );
    }
    assert.match(text, /^root:x:0:0:/);
  });

  test('networks: host and none', async () => {
    const interfaces = (mode: string) =>
      daemon.ok(['run', '--rm', '--network', mode, 'busybox', 'ls', '/sys/class/net']);
    assert.equal(await interfaces('none'), 'lo');
    assert.match(await interfaces('host'), /k3ce/);
  });

  test('--rm leaves nothing, without it the container stays', async () => {
    await daemon.ok(['run', '--rm', '--name', 'gone', 'busybox', 'true']);
    await daemon.ok(['run', '--name', 'stays', 'busybox', 'true']);
    assert.equal(await daemon.ok(['ps', '-a', '--format', '{{.Names}} {{.State}}']), 'stays exited');
    await daemon.ok(['rm', 'stays']);
  });

  test('a client that dies leaves the container running', async (t) => {
    const child = daemon.spawn(['run', '--name', 'orphan', 'busybox', 'sh', '-c', 'echo up; sleep 1000']);
    t.after(() => daemon.k3c(['rm', '-f', 'orphan']));
    await once(child.stdout ?? child, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    await sleep(300);
    assert.equal(await daemon.ok(['ps', '--format', '{{.Names}}']), 'orphan');
  });
});

for (const direct of [false, true]) {
  describe(direct ? 'in a process of its own' : 'through the front door', () => {
    test('ends when its input ends', async () => {
      const { code, stdout } = await daemon.k3c(['run', '-i', '--rm', 'busybox', 'cat'], { stdin: 'x\n', direct });
      assert.deepEqual([code, stdout], [0, 'x\n']);
    });

    test('passes binary data both ways', async () => {
      const data = randomBytes(20_000_000);
      const child = daemon.spawn(['run', '-i', '--rm', 'busybox', 'cat'], { direct });
      const hash = createHash('sha256');
      child.stdout?.on('data', (chunk: Buffer) => hash.update(chunk));
      child.stdin?.end(data);
      const [code] = await once(child, 'close');
      assert.equal(code, 0);
      assert.equal(hash.digest('hex'), createHash('sha256').update(data).digest('hex'));
    });

    test('signals go to the command', async () => {
      const script = 'trap "echo got; exit 9" INT; echo ready; while :; do sleep 0.1; done';
      const child = daemon.spawn(['run', '--rm', 'busybox', 'sh', '-c', script], { direct });
      let out = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        if (chunk.toString().includes('ready')) child.kill('SIGINT');
      });
      const [code] = await once(child, 'close');
      assert.deepEqual([code, out], [9, 'ready\ngot\n']);
    });

    test('signals pass input that the command does not read', { timeout: 30_000 }, async () => {
      const script = 'trap "exit 9" INT; echo ready; while :; do sleep 0.1; done';
      const child = daemon.spawn(['run', '-i', '--rm', 'busybox', 'sh', '-c', script], { direct });
      child.stdin?.on('error', () => undefined);
      child.stdin?.write(randomBytes(20_000_000));
      child.stdout?.once('data', () => setTimeout(() => child.kill('SIGINT'), 500));
      const [code] = await once(child, 'close');
      assert.equal(code, 9);
    });

    test('a reader that goes away ends the client quietly', async () => {
      const child = daemon.spawn(['run', '--name', 'pipe', 'busybox', 'yes'], { direct });
      await once(child.stdout ?? child, 'data');
      child.stdout?.destroy();
      let err = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      const [code, signal] = await once(child, 'close');
      // By the signal itself, or with the code that a shell makes of it.
      assert.ok(code === 141 || signal === 'SIGPIPE', `${code} ${signal}`);
      assert.equal(err, '');
      await daemon.ok(['rm', '-f', 'pipe']);
    });
  });
}
