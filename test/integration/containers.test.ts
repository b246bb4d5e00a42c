/** The container engine on a real containerd: life cycle, isolation, volumes, restarts, and a daemon that comes back. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { K3cError } from '../../src/api/errors.ts';
import { readOciSpec } from '../../src/daemon/engine/containers/oci-spec-store.ts';
import { NO_RESOURCES } from '../../src/daemon/state/spec.ts';
import { type Daemon, type Rig, runToEnd, specOf, startRig, tearDown } from '../support/container-rig.ts';
import { execOf } from '../support/exec.ts';

suite('containers', { timeout: 240_000 }, () => {
  let rig: Rig;
  let daemon: Daemon;
  before(async () => {
    rig = await startRig({ name: 'k3ct66', subnet: '10.66.0.0/16' });
    daemon = await rig.boot();
  });
  after(() => tearDown(rig, daemon));
  const sh = (script: string) => ({ command: ['sh', '-c', script] });
  const stateOf = (id: string) => daemon.engine.find(id);

  test('output, stdin and exit codes', async () => {
    assert.equal((await runToEnd(daemon.engine, { command: ['echo', 'hi'] })).out, 'hi\n');
    assert.deepEqual(
      await runToEnd(daemon.engine, { command: ['cat'] }, 'over\n').then(({ out, exitCode }) => [out, exitCode]),
      ['over\n', 0],
    );
    const failed = await runToEnd(daemon.engine, sh('exit 7'));
    assert.equal(failed.exitCode, 7);
    assert.equal(stateOf(failed.id).exitCode, 7);
    assert.equal(stateOf(failed.id).state, 'exited');
  });

  test('annotations get to the runtime', async () => {
    const { id } = await runToEnd(daemon.engine, { command: ['true'], annotations: { 'com.example.a': 'b c' } });
    const { oci } = await readOciSpec(daemon.containerd, stateOf(id).criId);
    assert.equal(oci.annotations?.['com.example.a'], 'b c');
    assert.equal(oci.annotations?.['io.kubernetes.cri.container-type'], 'container');
  });

  test('a command that cannot be started says so and leaves the container created', async () => {
    for (const [command, reason, code] of [
      ['nosuch', 'command-not-found', 127],
      ['/etc/passwd', 'command-not-invocable', 126],
    ] as const) {
      const { id } = await daemon.engine.create('', specOf({ command: [command] }));
      await assert.rejects(daemon.engine.start(id), (error: K3cError) => error.reason === reason);
      const record = stateOf(id);
      assert.deepEqual([record.state, record.exitCode, record.sandboxId], ['created', code, '']);
    }
  });

  test('names, prefixes and what is not there', async () => {
    const { id, name } = await daemon.engine.create('web-1', specOf());
    assert.equal(name, 'web-1');
    await assert.rejects(daemon.engine.create('web-1', specOf()), (error: K3cError) => error.reason === 'name-in-use');
    assert.equal(daemon.engine.find('/web-1').id, id);
    assert.equal(daemon.engine.find(id.slice(0, 10)).id, id);
    assert.throws(() => daemon.engine.find('nosuch'), { message: 'No such container: nosuch' });
    await daemon.engine.remove('web-1', { force: false, volumes: false });
    await daemon.engine.create('web-1', specOf()).then(({ id: again }) => assert.notEqual(again, id));
  });

  test('user, environment, working directory, hostname, hosts', async () => {
    const script = 'id -u; id -g; echo $A; pwd; hostname; cat /etc/hostname; grep -c "$(hostname)" /etc/hosts; echo $$';
    const { out } = await runToEnd(daemon.engine, {
      ...sh(script),
      user: 'nobody:root',
      env: ['A=one'],
      workingDir: '/new/dir',
      hostname: 'box',
    });
    assert.deepEqual(out.split('\n').slice(0, 8), ['65534', '0', 'one', '/new/dir', 'box', 'box', '1', '1']);
  });

  test('network modes none and host', async () => {
    const none = await runToEnd(daemon.engine, { ...sh('ip -o link | cut -d: -f2; hostname'), networkMode: 'none' });
    assert.equal(none.out, ` lo\n${none.id.slice(0, 12)}\n`);
    const host = await runToEnd(daemon.engine, { ...sh('readlink /proc/self/ns/net; hostname'), networkMode: 'host' });

    assert.equal(host.out, `${await readlink('/proc/self/ns/net')}\n${hostname()}\n`);
  });

  test('limits and write protection', async () => {
    const { out } = await runToEnd(daemon.engine, {
      ...sh('touch /x 2>&1; echo y >> /etc/hosts && echo ok'),
      readOnly: true,
    });
    assert.equal(out, 'touch: /x: Read-only file system\nok\n');
    const oom = await runToEnd(daemon.engine, {
      ...sh('x=a; while true; do x=$x$x; done'),
      resources: { ...NO_RESOURCES, memoryBytes: 8 << 20 },
    });
    assert.equal(oom.exitCode, 137);
    assert.equal(stateOf(oom.id).oomKilled, true);
  });

  test('volumes: bind, named with the content of the image, anonymous, tmpfs', async () => {
    const bind = join(rig.base, 'made', 'by-bind');
    const mount = (type: 'bind' | 'volume' | 'tmpfs', source: string, target: string, readOnly = false) => ({
      type,
      source,
      target,
      readOnly,
      propagation: '',
    });
    const { id, out } = await runToEnd(daemon.engine, {
      ...sh('head -1 /etc/passwd; echo b > /b/f; touch /ro/x 2>&1; stat -f -c %T /t; echo v > /v/f'),
      mounts: [
        mount('volume', 'seeded', '/etc'),
        mount('bind', bind, '/b'),
        mount('bind', bind, '/ro', true),
        mount('tmpfs', '', '/t'),
        mount('volume', '', '/v'),
      ],
    });
    assert.equal(out, 'root:x:0:0:root:/:/bin/sh\ntouch: /ro/x: Read-only file system\ntmpfs\n');
    assert.equal(await readFile(join(bind, 'f'), 'utf8'), 'b\n');
    const volume = stateOf(id).config.mounts.find(({ target }) => target === '/v')?.volume ?? '';
    assert.equal(await readFile(join(rig.base, 'volumes', volume, '_data/f'), 'utf8'), 'v\n');
    await daemon.engine.remove(id, { force: false, volumes: true });
    assert.equal(daemon.state.volumes.byName(volume), undefined);
    assert.notEqual(daemon.state.volumes.byName('seeded'), undefined);
    // A second container sees what is there, and nothing is copied over it.
    await writeFile(join(rig.base, 'volumes/seeded/_data/passwd'), 'mine\n');
    const again = await runToEnd(daemon.engine, {
      command: ['cat', '/etc/passwd'],
      mounts: [mount('volume', 'seeded', '/etc')],
    });
    assert.equal(again.out, 'mine\n');
  });

  test('half a copy, of a daemon that was killed in the middle, is not taken for the content of a volume', async () => {
    const half = join(rig.base, 'volumes/half');
    await mkdir(join(half, '_data'), { recursive: true });
    await writeFile(join(half, '_data/.k3c-copying'), 'ro');
    await writeFile(join(half, '_data/mine'), 'written meanwhile');
    await writeFile(join(half, '_seeding'), '');
    const { out } = await runToEnd(daemon.engine, {
      ...sh('[ ! -e /etc/.k3c-copying ] && [ -s /etc/mine ] && head -1 /etc/passwd'),
      mounts: [{ type: 'volume', source: 'half', target: '/etc', readOnly: false, propagation: '' }],
    });
    assert.match(out, /^root:x:0:0:/);
    assert.deepEqual(await readdir(half), ['_data']);
  });

  test('stop: the signal, then SIGKILL after the timeout; kill; rm', async () => {
    const trap = await daemon.engine.create('', specOf(sh('trap "exit 5" USR1; while true; do sleep 0.05; done')));
    await daemon.engine.start(trap.id);
    assert.equal(daemon.engine.running(trap.id).id, trap.id);
    await assert.rejects(daemon.engine.remove(trap.id, { force: false, volumes: false }), {
      message: `cannot remove container "/${trap.name}": container is running: stop the container before removing or force remove`,
    });
    await sleep(300);
    await daemon.engine.stop(trap.id, { signal: 'USR1' });
    assert.equal(stateOf(trap.id).exitCode, 5);
    await assert.rejects(
      daemon.engine.kill(trap.id, ''),
      (error: K3cError) => error.reason === 'container-not-running',
    );

    const deaf = await daemon.engine.create(
      '',
      specOf({ ...sh('trap "" TERM; while true; do sleep 0.05; done'), stopTimeout: 1 }),
    );
    await daemon.engine.start(deaf.id);
    await sleep(300);
    const began = Date.now();
    await daemon.engine.stop(deaf.id, {});
    assert.ok(Date.now() - began >= 1000);
    assert.equal(stateOf(deaf.id).exitCode, 137);

    await daemon.engine.start(deaf.id);
    assert.equal(stateOf(deaf.id).attempt, 1);
    await daemon.engine.remove(deaf.id, { force: true, volumes: true });
    assert.throws(() => stateOf(deaf.id), { message: `No such container: ${deaf.id}` });
  });

  test('a start after an exit is a fresh container with one log', async () => {
    const { id } = await runToEnd(daemon.engine, sh('ls /made 2>/dev/null || echo fresh; touch /made'));
    await daemon.engine.restart(id, {});
    await daemon.engine.wait(id, 'not-running', AbortSignal.timeout(10_000));
    const lines: string[] = [];
    for await (const records of daemon.engine.logs(id, { stdout: true, stderr: true }))
      lines.push(...records.map(({ data }) => data.toString()));
    assert.deepEqual(lines, ['fresh\n', 'fresh\n']);
  });

  test('--rm leaves nothing, and its name is free at once', async () => {
    const first = await daemon.engine.create(
      'gone',
      specOf({
        autoRemove: true,
        mounts: [{ type: 'volume', source: '', target: '/v', readOnly: false, propagation: '' }],
      }),
    );
    const launched = await daemon.engine.start(first.id);
    await launched?.live.exit;
    assert.throws(() => daemon.engine.find('gone'));
    await daemon.engine.create('gone', specOf());
    assert.equal(daemon.state.volumes.byName(first.config.mounts[0]?.volume ?? ''), undefined);
    const { items } = await pollSandboxes((list) => !list.some(({ labels }) => labels['k3c.io/id'] === first.id));
    assert.equal(
      items.some(({ labels }) => labels['k3c.io/id'] === first.id),
      false,
    );
  });

  test('a restart by hand keeps a --rm container', async () => {
    const { id } = await daemon.engine.create('', specOf({ command: ['sleep', '1000'], autoRemove: true }));
    await daemon.engine.start(id);
    await daemon.engine.restart(id, { timeout: 0 });
    assert.deepEqual([stateOf(id).state, stateOf(id).attempt], ['running', 1]);
    await daemon.engine.stop(id, { timeout: 0 });
    assert.throws(() => stateOf(id), { message: `No such container: ${id}` });
  });

  test('on-failure restarts as often as it may; a stop ends the restarts of always', async () => {
    const failing = await daemon.engine.create(
      '',
      specOf({ ...sh('exit 3'), restart: { name: 'on-failure', maximumRetryCount: 2 } }),
    );
    await daemon.engine.start(failing.id);
    for (let i = 0; i < 100 && !(stateOf(failing.id).restartCount === 2 && stateOf(failing.id).state === 'exited'); i++)
      await sleep(50);
    assert.deepEqual(
      [stateOf(failing.id).restartCount, stateOf(failing.id).state, stateOf(failing.id).attempt],
      [2, 'exited', 2],
    );

    const always = await daemon.engine.create(
      '',
      specOf({ ...sh('exit 0'), restart: { name: 'always', maximumRetryCount: 0 } }),
    );
    await daemon.engine.start(always.id);
    for (let i = 0; i < 100 && stateOf(always.id).restartCount < 1; i++) await sleep(50);
    await daemon.engine.stop(always.id, {});
    const { attempt } = stateOf(always.id);
    await sleep(1000);
    assert.deepEqual([stateOf(always.id).state, stateOf(always.id).attempt], ['exited', attempt]);
    await daemon.engine.remove(always.id, { force: false, volumes: false });
  });

  test('exec with a user, its exit code, and a container that does not run', async () => {
    const { id } = await daemon.engine.create('', specOf({ command: ['sleep', '1000'] }));
    await daemon.engine.start(id);
    const request = execOf(id, [], { env: ['A=1'], workingDir: '/tmp', user: 'nobody' });
    const started = await daemon.engine.exec({ ...request, command: ['sh', '-c', 'id -u; echo $A; pwd; exit 9'] });
    let out = '';
    for await (const { data } of started.attachment.output) out += data.toString();
    assert.deepEqual([out, await started.exited], ['65534\n1\n/tmp\n', 9]);
    await assert.rejects(
      daemon.engine.exec({ ...request, command: ['nosuch'] }),
      (error: K3cError) => error.reason === 'command-not-found',
    );
    await assert.rejects(
      daemon.engine.exec({ ...request, user: 'ghost', command: ['id'] }),
      /unable to find user ghost/,
    );
    await daemon.engine.remove(id, { force: true, volumes: false });
    const stopped = await daemon.engine.create('', specOf());
    await assert.rejects(
      daemon.engine.exec({ ...request, container: stopped.id, command: ['id'] }),
      (error: K3cError) => error.reason === 'container-not-running',
    );
  });

  test('published ports follow the container', async () => {
    const { id, name } = await daemon.engine.create(
      '',
      specOf({ command: ['sleep', '1000'], ports: [{ hostIp: '', hostPort: 0, containerPort: 80, protocol: 'tcp' }] }),
    );
    await daemon.engine.start(id);
    const { ip, ports } = stateOf(id);
    assert.match(ip, /^10\.66\./);
    assert.ok((ports[0]?.hostPort ?? 0) >= 40_000);
    assert.deepEqual(daemon.network.slice(-2), [`reserve container ${name}`, `publish ${ip}`]);
    await daemon.engine.stop(id, { timeout: 0 });
    assert.equal(daemon.network.at(-1), 'release');
    assert.deepEqual(stateOf(id).ports, []);
  });

  test('a new daemon finds what ran, what ended, what is due, and what strayed', async () => {
    const runs = await daemon.engine.create(
      'runs',
      specOf({
        ...sh('i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.05; done'),
        ports: [{ hostIp: '', hostPort: 9999, containerPort: 80, protocol: 'tcp' }],
      }),
    );
    const ends = await daemon.engine.create('ends', specOf(sh('sleep 1; exit 6')));
    const always = await daemon.engine.create(
      'keeps-up',
      specOf({ ...sh('sleep 1'), restart: { name: 'always', maximumRetryCount: 0 } }),
    );
    for (const { id } of [runs, ends, always]) await daemon.engine.start(id);
    const half = await daemon.engine.create('half', specOf());
    await daemon.close();

    const { state } = daemon;
    assert.throws(() => state.containers.list(), /not open/);
    const other = await rig.boot();
    // A start that was cut off, and a sandbox whose container was removed: what a killed daemon leaves.
    other.state.containers.update(half.id, { state: 'starting', attempt: 0 });
    const sandbox = await other.containerd.cri.runPodSandbox({
      config: {
        metadata: { name: 'stray', uid: 'f'.repeat(64), namespace: 'k3c', attempt: 0 },
        labels: { 'k3c.io/id': 'f'.repeat(64), 'k3c.io/name': 'stray' },
        linux: { securityContext: { namespaceOptions: { network: 2 } } },
      },
    });
    await other.close();
    await sleep(1500);

    daemon = await rig.boot();
    assert.equal(stateOf(runs.id).state, 'running');
    assert.ok(daemon.network.includes('reconcile runs') || daemon.network.some((note) => /reconcile.*runs/.test(note)));
    assert.deepEqual([stateOf(ends.id).state, stateOf(ends.id).exitCode], ['exited', 6]);
    const ended = stateOf(ends.id);
    const lasted = Number(ended.finishedAt - ended.startedAt) / 1e9;
    assert.ok(lasted > 0.8 && lasted < 1.4, `it ran for ${lasted} s`);
    assert.deepEqual([stateOf(half.id).state, stateOf(half.id).sandboxId], ['created', '']);
    const attachment = daemon.engine.running(runs.id).io.attach({ stdin: false, stdout: true, stderr: false });
    for await (const { data } of attachment.output) {
      assert.match(data.toString(), /tick \d+/);
      break;
    }
    for (let i = 0; i < 100 && stateOf(always.id).state !== 'running'; i++) await sleep(50);
    assert.ok(stateOf(always.id).attempt >= 1);
    const { items } = await pollSandboxes((list) => !list.some(({ id }) => id === sandbox.podSandboxId));
    assert.equal(
      items.some(({ id }) => id === sandbox.podSandboxId),
      false,
    );
    await daemon.engine.stop(runs.id, { timeout: 0 });
    assert.equal(stateOf(runs.id).exitCode, 137);
    const numbers: number[] = [];
    let text = '';
    for await (const records of daemon.engine.logs(runs.id, { stdout: true, stderr: false }))
      text += records.map(({ data }) => data.toString()).join('');
    for (const match of text.matchAll(/tick (\d+)/g)) numbers.push(Number(match[1]));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
      'no line is missing or twice',
    );
  });

  test('containerd is killed: what runs is not lost, and exits are still seen', async () => {
    const { id } = await daemon.engine.create('', specOf(sh('sleep 2; exit 4')));
    await daemon.engine.start(id);
    await rig.children.kill('containerd');
    await rig.children.start('containerd');
    const { exitCode } = await daemon.engine.wait(id, 'not-running', AbortSignal.timeout(20_000));
    assert.equal(exitCode, 4);
    assert.equal((await runToEnd(daemon.engine, { command: ['echo', 'again'] })).out, 'again\n');
  });

  async function pollSandboxes(
    done: (items: Awaited<ReturnType<Daemon['containerd']['cri']['listPodSandbox']>>['items']) => boolean,
  ) {
    for (let i = 0; ; i++) {
      const answer = await daemon.containerd.cri.listPodSandbox({});
      if (done(answer.items) || i > 100) return answer;
      await sleep(50);
    }
  }
});
