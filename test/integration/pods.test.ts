/** Pods on a real containerd: daemons that come and go beside them, sandboxes that are lost, resets of the machine. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerState, PodSandboxState } from '../../src/api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { connectContainerd } from '../../src/daemon/backends/containerd.ts';
import type { ContainerSpec } from '../../src/daemon/engine/containers/types.ts';
import { samplePodSpec } from '../../src/daemon/engine/pods/samples.ts';
import type { PodSpec } from '../../src/daemon/engine/pods/types.ts';
import { bootDaemon, type Daemon, type Rig, specOf, startRig } from '../support/container-rig.ts';
import { until } from '../support/counting.ts';
import { execOutput } from '../support/exec.ts';

const always = { name: 'always', maximumRetryCount: 0 } as const;

suite('pods', { timeout: 240_000 }, () => {
  let rig: Rig;
  let daemon: Daemon;
  let victim: ChildProcess | undefined;
  before(async () => {
    rig = await startRig({ name: 'k3ct60', subnet: '10.60.0.0/16' });
    daemon = await rig.boot();
  });
  afterEach(async () => {
    for (const { id } of daemon.engine.pods.list({ all: false, filters: {} }))
      await daemon.engine.pods.remove(id, { force: true });
    await daemon.engine.removalsDone();
  });
  after(async () => {
    victim?.kill('SIGKILL');
    await daemon.close();
    await rig.stop();
  });

  /** A daemon that was killed, and the next one. */
  const reboot = async () => {
    await daemon.close();
    daemon = await rig.boot();
  };

  async function podWith(
    name: string,
    containers: Readonly<Record<string, Partial<ContainerSpec>>>,
    over: Partial<PodSpec> = {},
  ) {
    const pod = await daemon.engine.pods.create(name, samplePodSpec(over));
    for (const [container, spec] of Object.entries(containers))
      await daemon.engine.create(container, specOf({ command: ['sleep', '1000'], pod: name, ...spec }));
    return pod.id;
  }

  const record = (name: string) => daemon.state.containers.byName(name) ?? assert.fail(`${name} is gone`);
  const pod = (name: string) => daemon.state.pods.byName(name) ?? assert.fail(`${name} is gone`);
  const runs = (name: string) => record(name).state === 'running';
  const status = (name: string) => daemon.engine.pods.list({ all: false, filters: { name: [name] } })[0]?.state;

  /** What CRI has of a pod. */
  async function cri(id: string) {
    const { items } = await daemon.containerd.cri.listPodSandbox({});
    const sandboxes = items.filter(({ labels }) => labels['k3c.io/id'] === id);
    const { containers } = await daemon.containerd.cri.listContainers({});
    return {
      sandboxes,
      containers: containers.filter(({ podSandboxId }) => sandboxes.some((sandbox) => sandbox.id === podSandboxId)),
    };
  }

  const output = async (container: string, ...command: readonly string[]) =>
    (await execOutput(daemon, container, command)).trim();

  test('containers of a pod have one network and IPC namespace and one hostname, and processes of their own', async () => {
    await podWith('duo', { app: {}, side: {} });
    await daemon.engine.pods.start('duo');
    const script = 'for kind in net ipc pid uts; do readlink /proc/self/ns/$kind; done';
    const namespaces = (name: string) => output(name, 'sh', '-c', script);
    const [app, side] = [(await namespaces('app')).split('\n'), (await namespaces('side')).split('\n')];
    assert.deepEqual([app[0], app[1], app[3]], [side[0], side[1], side[3]]);
    assert.notEqual(app[2], side[2]);
    assert.deepEqual([await output('app', 'hostname'), await output('side', 'hostname')], ['duo', 'duo']);
    assert.equal(record('app').sandboxId, record('side').sandboxId);
  });

  test('with shared processes they see each other, and each ends by itself', async () => {
    await podWith('duo', { app: { command: ['sleep', '1111'] }, side: { init: false } }, { sharePid: true });
    await daemon.engine.pods.start('duo');
    assert.match(await output('side', 'ps'), /sleep 1111/);
    await daemon.engine.stop('app', { timeout: 0 });
    assert.doesNotMatch(await output('side', 'ps'), /sleep 1111/);
    assert.equal(status('duo'), 'degraded');
  });

  test('a daemon that comes back finds the pod, its containers and what ended meanwhile', async () => {
    const id = await podWith('duo', { app: {}, side: {}, brief: { command: ['sh', '-c', 'sleep 1; exit 3'] } });
    await daemon.engine.pods.start('duo');
    const { sandboxId } = pod('duo');
    await daemon.close();
    await sleep(1500);
    daemon = await rig.boot();
    assert.deepEqual([pod('duo').state, pod('duo').sandboxId], ['running', sandboxId]);
    assert.ok(runs('app') && runs('side'));
    assert.deepEqual([record('brief').state, record('brief').exitCode], ['exited', 3]);
    assert.ok(daemon.engine.ownsSandbox(sandboxId));
    assert.deepEqual(
      daemon.network.filter((note) => note.startsWith('reconcile')),
      ['reconcile'],
    );
    await daemon.engine.start('brief');
    assert.equal((await cri(id)).sandboxes.length, 1);
  });

  test('published ports are the pod’s, over daemons and stops', async () => {
    const port = { hostIp: '', hostPort: 0, containerPort: 80, protocol: 'tcp' } as const;
    await podWith('duo', { app: {} }, { ports: [port] });
    await daemon.engine.start('app');
    assert.deepEqual(daemon.network.slice(-2), ['reserve pod duo', `publish ${pod('duo').ip}`]);
    await reboot();
    assert.ok(daemon.network.includes('reconcile pod duo'));
    await daemon.engine.stop('app', { timeout: 0 });
    assert.equal(daemon.network.includes('release'), false);
    await daemon.engine.pods.stop('duo', {});
    assert.ok(daemon.network.includes('release'));
    assert.deepEqual([pod('duo').ports, pod('duo').ip], [[], '']);
  });

  test('a restart policy brings a container back in the same sandbox; a stop of the pod ends it', async () => {
    await podWith('duo', { app: { restart: always, command: ['sleep', '0.2'] }, side: {} });
    await daemon.engine.pods.start('duo');
    const { sandboxId } = pod('duo');
    await until('two restarts', () => record('app').restartCount > 1);
    assert.equal(pod('duo').sandboxId, sandboxId);
    await daemon.engine.pods.stop('duo', { timeout: 0 });
    const { restartCount, attempt } = record('app');
    await sleep(700);
    assert.deepEqual(
      [record('app').state, record('app').restartCount, record('app').attempt, status('duo')],
      ['exited', restartCount, attempt, 'stopped'],
    );
  });

  test('what ended in a stopped pod can be looked at until its next start', async () => {
    const id = await podWith('duo', { app: { command: ['sh', '-c', 'echo left > /note; sleep 1000'] }, side: {} });
    await daemon.engine.pods.start('duo');
    await until('the note', async () => (await output('app', 'cat', '/note')) === 'left');
    await daemon.engine.pods.stop('duo', { timeout: 0 });
    assert.deepEqual(
      (await cri(id)).sandboxes.map(({ state }) => state),
      [PodSandboxState.SANDBOX_NOTREADY],
    );
    const paths: string[] = [];
    await daemon.engine.files.diff(
      'app',
      async (changes) => void paths.push(...changes.map(({ path }) => path)),
      AbortSignal.timeout(20_000),
    );
    assert.ok(paths.includes('/note'));
    // The one that was not started keeps the old sandbox.
    await daemon.engine.start('app');
    await until(
      'the earlier attempt to go',
      async () => (await cri(id)).containers.filter(({ labels }) => labels['k3c.io/name'] === 'app').length === 1,
    );
    assert.equal((await cri(id)).sandboxes.length, 2);
    await daemon.engine.start('side');
    await until('the earlier sandbox to go', async () => (await cri(id)).sandboxes.length === 1);
  });

  test('a sandbox that is killed takes its containers along; restart policies and starts make another', async () => {
    const id = await podWith('duo', { app: { restart: always }, side: {} });
    await daemon.engine.pods.start('duo');
    await reboot(); // the next daemon watches it, too
    const { sandboxId } = pod('duo');
    await daemon.containerd.tasks.kill({ containerId: sandboxId, signal: 9 });
    await until('another sandbox', () => runs('app') && ![sandboxId, ''].includes(pod('duo').sandboxId));
    assert.deepEqual([record('side').state, status('duo')], ['exited', 'degraded']);
    await daemon.engine.pods.start('duo');
    assert.ok(runs('app') && runs('side'));
    assert.notEqual(pod('duo').sandboxId, sandboxId);
    assert.deepEqual([record('app').sandboxId, record('side').sandboxId], [pod('duo').sandboxId, pod('duo').sandboxId]);
    await until('the earlier sandbox to go', async () => (await cri(id)).sandboxes.length === 1);
  });

  test('with shared processes all end with their sandbox, and restart policies make another', async () => {
    await podWith('duo', { app: { restart: always }, side: {} }, { sharePid: true });
    await daemon.engine.pods.start('duo');
    const { sandboxId } = pod('duo');
    await daemon.containerd.tasks.kill({ containerId: sandboxId, signal: 9 });
    await until('another sandbox', () => runs('app') && ![sandboxId, ''].includes(pod('duo').sandboxId));
    assert.equal(record('app').sandboxId, pod('duo').sandboxId);
    assert.deepEqual([record('side').state, record('side').exitCode], ['exited', 137]);
  });

  test('a sandbox that was removed behind our back is found out by the next daemon', async () => {
    const id = await podWith('duo', { app: { restart: always }, side: {} });
    await daemon.engine.pods.start('duo');
    const { sandboxId } = pod('duo');
    await daemon.close();
    const other = connectContainerd(rig.children.containerdSocket);
    await other.cri.stopPodSandbox({ podSandboxId: sandboxId });
    await other.cri.removePodSandbox({ podSandboxId: sandboxId });
    other.close();
    daemon = await rig.boot();
    await until('the restart', () => runs('app'));
    assert.equal(runs('side'), false);
    assert.notEqual(pod('duo').sandboxId, sandboxId);
    assert.equal((await cri(id)).sandboxes.length, 1);
  });

  test('after a reset of the machine restart policies bring pods back, and the others are stopped', async () => {
    const id = await podWith('kept', { app: { restart: always }, side: {} });
    await podWith('left', { idle: {} });
    for (const name of ['kept', 'left']) await daemon.engine.pods.start(name);
    await daemon.close();
    await rig.reset();
    daemon = await rig.boot();
    await until('the restart', () => runs('app'));
    assert.deepEqual([status('kept'), status('left'), record('side').state], ['degraded', 'stopped', 'exited']);
    await until('lost sandboxes to go', async () => (await cri(id)).sandboxes.length <= 2);
    await daemon.engine.pods.start('kept');
    await until('one sandbox', async () => (await cri(id)).sandboxes.length === 1);
    assert.equal(status('kept'), 'running');
  });

  test('a start that fails leaves the pod and its other containers alone', async () => {
    const id = await podWith('duo', { app: {}, bad: { command: ['/no/such/program'] } });
    await daemon.engine.start('app');
    await assert.rejects(daemon.engine.start('bad'), /no such file/);
    await until('what the start made to go', async () => (await cri(id)).containers.length === 1);
    assert.ok(runs('app'));
    await assert.rejects(daemon.engine.pods.start('duo'), /cannot start all containers of pod duo: bad: /);
  });

  test('a container that is removed gives its name back at once', async () => {
    await podWith('duo', { app: {} });
    for (let turn = 0; turn < 3; turn++) {
      await daemon.engine.start('app');
      await daemon.engine.remove('app', { force: true, volumes: true });
      await daemon.engine.create('app', specOf({ command: ['sleep', '1000'], pod: 'duo' }));
    }
    await daemon.engine.start('app');
    assert.ok(runs('app'));
  });

  test('stops, starts and removals at once end well', async () => {
    const id = await podWith('duo', {
      app: { stopSignal: 'SIGKILL' },
      side: { stopSignal: 'SIGKILL', restart: always },
    });
    const { engine } = daemon;
    await Promise.all([
      engine.pods.start('duo'),
      engine.start('app'),
      engine.pods.stop('duo', {}),
      engine.restart('side', {}),
      engine.pods.start('duo'),
    ]);
    await engine.pods.stop('duo', {});
    assert.deepEqual([status('duo'), runs('app'), runs('side')], ['stopped', false, false]);
    await Promise.all([engine.pods.start('duo'), engine.pods.remove('duo', { force: true })]);
    assert.equal(daemon.state.containers.list().length, 0);
    await until('all to go', async () => (await cri(id)).sandboxes.length === 0);
  });

  test('a daemon that is killed again and again loses no pod, and leaves nothing over', async () => {
    await daemon.close();
    const told: { readonly act: string; readonly name: string }[] = [];
    for (let round = 0; round < 3; round++) {
      const script = join(import.meta.dirname, '../support/pod-victim.ts');
      const child = spawn(process.execPath, [script, rig.base, String(round)], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, NODE_NO_WARNINGS: '1' },
      });
      victim = child;
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [act = '', name = ''] = line.split(' ');
        told.push({ act, name });
      });
      const enough = told.length + 3 + Math.floor(Math.random() * 8);
      await until('answers', () => told.length >= enough || child.exitCode !== null);
      assert.equal(child.exitCode, null, 'the daemon ended by itself');
      await sleep(Math.random() * 200);
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    }
    daemon = await bootDaemon(rig.base);
    const last = new Map(told.map(({ act, name }) => [name, act]));
    for (const [name, act] of last) {
      const found = daemon.state.pods.byName(name);
      if (act === 'removed') assert.equal(found, undefined, `${name} was removed and is back`);
      // A removal may have been under way after any other.
      else if (act === 'started' && found !== undefined) assert.notEqual(found.state, 'created');
    }
    await checkAgreement();
    for (const { id } of daemon.engine.pods.list({ all: false, filters: {} }))
      await daemon.engine.pods.remove(id, { force: true });
    await until('all to go', async () => (await daemon.containerd.cri.listPodSandbox({})).items.length === 0);
    assert.equal(daemon.state.containers.list().length, 0);
  });

  /** Every pod that is to run has one sandbox that does; what runs in CRI is in a row. */
  async function checkAgreement(): Promise<void> {
    const settled = async () => {
      const pods = daemon.state.pods.list();
      const { items } = await daemon.containerd.cri.listPodSandbox({});
      const ready = items.filter(({ state }) => state === PodSandboxState.SANDBOX_READY).map(({ id }) => id);
      const wanted = pods.filter(({ state }) => state === 'running').map(({ sandboxId }) => sandboxId);
      const { containers } = await daemon.containerd.cri.listContainers({});
      const running = containers.filter(({ state }) => state === ContainerState.CONTAINER_RUNNING).map(({ id }) => id);
      const known = daemon.state.containers.list().filter(({ state }) => state === 'running');
      return (
        ready.toSorted().join() === wanted.toSorted().join() &&
        running.toSorted().join() ===
          known
            .map(({ criId }) => criId)
            .toSorted()
            .join() &&
        containers.every(({ id }) => daemon.state.containers.list().some(({ criId }) => criId === id))
      );
    };
    await until('rows and CRI to agree', settled);
  }
});
