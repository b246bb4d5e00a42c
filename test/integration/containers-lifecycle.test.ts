/** pause, rename, restarts and failed starts on a real containerd, over restarts of the daemon and of the machine. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { K3cError } from '../../src/api/errors.ts';
import type { ContainerSpec } from '../../src/daemon/engine/containers/types.ts';
import { type Daemon, type Rig, runToEnd, specOf, startRig, tearDown } from '../support/container-rig.ts';
import { execOutput } from '../support/exec.ts';

const SLEEP = ['sleep', '1000'];
const always = { name: 'always', maximumRetryCount: 0 } as const;

suite('the life of containers', { timeout: 240_000 }, () => {
  let rig: Rig;
  let daemon: Daemon;
  before(async () => {
    rig = await startRig({ name: 'k3ct71', subnet: '10.71.0.0/16' });
    daemon = await rig.boot();
  });
  after(() => tearDown(rig, daemon));

  const sh = (script: string) => ({ command: ['sh', '-c', script] });
  const stateOf = (id: string) => daemon.engine.find(id);
  const running = async (over: Partial<ContainerSpec> = {}, name = '') => {
    const { id } = await daemon.engine.create(name, specOf({ command: SLEEP, ...over }));
    await daemon.engine.start(id);
    return id;
  };
  const until = async (what: string, holds: () => boolean) => {
    for (let i = 0; i < 400 && !holds(); i++) await sleep(25);
    assert.ok(holds(), what);
  };
  const actions = (id: string) =>
    daemon.engine.events
      .range(0n, 1n << 62n)
      .filter(({ actor }) => actor === id)
      .map(({ action }) => action);
  const reboot = async () => {
    await daemon.close();
    daemon = await rig.boot();
  };
  const execIn = (container: string, command: readonly string[]) => execOutput(daemon, container, command);

  test('pause freezes and unpause thaws; what a paused container refuses', async () => {
    const id = await running(sh('while :; do echo tick; sleep 0.02; done'), 'frozen');
    await daemon.engine.pause('frozen');
    assert.equal(stateOf(id).state, 'paused');
    assert.deepEqual(daemon.engine.counts().paused, 1);
    const before = await sizeOfLog(id);
    await sleep(300);
    assert.equal(await sizeOfLog(id), before, 'it went on');
    for (const [act, message] of [
      [() => daemon.engine.pause(id), `container ${id} is already paused`],
      [() => daemon.engine.start(id), 'cannot start a paused container, try unpause instead'],
      [() => execIn(id, ['true']), `Container ${id} is paused, unpause the container before exec`],
      [
        () => daemon.engine.remove(id, { force: false, volumes: false }),
        'cannot remove container "/frozen": container is paused and must be unpaused first',
      ],
    ] as const)
      await assert.rejects(act(), { message });
    await daemon.engine.unpause(id);
    await assert.rejects(daemon.engine.unpause(id), { message: `Container ${id} is not paused` });
    assert.equal(stateOf(id).state, 'running');
    await sleep(200);
    assert.ok((await sizeOfLog(id)) > before);
    await daemon.engine.stop(id, { timeout: 0 });
    assert.deepEqual(actions(id), ['create', 'start', 'pause', 'unpause', 'kill', 'kill', 'die', 'stop']);
    await assert.rejects(daemon.engine.pause(id), { message: `container ${id} is not running` });
    async function sizeOfLog(container: string): Promise<number> {
      return (await readFile(stateOf(container).logPath)).length;
    }
  });

  test('stop, kill, restart and rm -f of a paused container', async () => {
    const trap = sh('trap "exit 5" TERM; while :; do sleep 0.05; done');
    const stopped = await running(trap);
    await sleep(200);
    await daemon.engine.pause(stopped);
    await daemon.engine.stop(stopped, { timeout: 10 });
    assert.deepEqual([stateOf(stopped).state, stateOf(stopped).exitCode], ['exited', 5], 'it got the signal, thawed');

    const killed = await running({ stopSignal: 'QUIT' });
    await daemon.engine.pause(killed);
    await daemon.engine.kill(killed, 'USR1');
    assert.equal(stateOf(killed).state, 'paused', 'a signal that it may live on with leaves it paused');
    await daemon.engine.kill(killed, 'KILL');
    assert.deepEqual(
      [stateOf(killed).state, stateOf(killed).exitCode, stateOf(killed).oomKilled],
      ['exited', 137, false],
    );

    const again = await running();
    await daemon.engine.pause(again);
    await daemon.engine.restart(again, { timeout: 0 });
    assert.deepEqual([stateOf(again).state, stateOf(again).attempt], ['running', 1]);
    await daemon.engine.pause(again);
    await daemon.engine.remove(again, { force: true, volumes: true });
    assert.throws(() => stateOf(again), { message: `No such container: ${again}` });
  });

  test('a paused container stays paused over restarts of the daemon, whatever its row says', async () => {
    const paused = await running();
    const unnoted = await running();
    await daemon.engine.pause(paused);
    // As a daemon leaves it that is killed between the act and the row.
    await daemon.containerd.tasks.pause({ containerId: stateOf(unnoted).criId });
    await reboot();
    assert.deepEqual([stateOf(paused).state, stateOf(unnoted).state], ['paused', 'paused']);
    // CRI calls what was frozen at its start unknown.
    await daemon.close();
    await rig.children.kill('containerd');
    await rig.children.start('containerd');
    daemon = await rig.boot();
    assert.deepEqual([stateOf(paused).state, stateOf(unnoted).state], ['paused', 'paused']);
    await daemon.engine.unpause(unnoted);
    await daemon.containerd.tasks.resume({ containerId: stateOf(paused).criId });
    await reboot();
    assert.deepEqual([stateOf(paused).state, stateOf(unnoted).state], ['running', 'running']);
    assert.equal(await execIn(paused, ['echo', 'on']), 'on\n');
    process.kill(stateOf(unnoted).pid, 'SIGKILL');
    assert.equal((await daemon.engine.wait(unnoted, 'not-running', AbortSignal.timeout(10_000))).exitCode, 137);
    for (const id of [paused, unnoted]) await daemon.engine.remove(id, { force: true, volumes: true });
    const left = async () =>
      (await daemon.containerd.cri.listPodSandbox({})).items.filter(({ labels }) =>
        [paused, unnoted].includes(labels['k3c.io/id'] ?? ''),
      );
    for (let i = 0; i < 200 && (await left()).length > 0; i++) await sleep(50);
    assert.deepEqual(await left(), []);
  });

  test('rename: the old name is free, the running pod keeps its labels, the next start has the new ones', async () => {
    const id = await running({}, 'old');
    daemon.engine.rename('old', '/new');
    assert.equal(daemon.engine.find('new').id, id);
    const other = await daemon.engine.create('old', specOf());
    const rejects = (to: string, message: string) => assert.throws(() => daemon.engine.rename('new', to), { message });
    rejects('new', 'Renaming a container with the same name as its current name');
    rejects('', 'Neither old nor new names may be empty');
    rejects(
      'old',
      `Error when allocating new name: Conflict. The container name "/old" is already in use by container "${other.id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    rejects(
      'a b',
      'Error when allocating new name: Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    );
    assert.throws(() => daemon.engine.rename('nosuch', 'x'), { message: 'No such container: nosuch' });
    const podName = async () => {
      const { status } = await daemon.containerd.cri.podSandboxStatus({ podSandboxId: stateOf(id).sandboxId });
      return [status?.metadata?.name, status?.labels['k3c.io/name']];
    };
    assert.deepEqual(await podName(), ['old', 'old']);
    await daemon.engine.restart(id, { timeout: 0 });
    assert.deepEqual(await podName(), ['new', 'new']);
    const [event] = daemon.engine.events.range(0n, 1n << 62n).filter(({ action }) => action === 'rename');
    assert.deepEqual([event?.actor, event?.attributes['name'], event?.attributes['oldName']], [id, 'new', '/old']);
    await daemon.engine.remove(id, { force: true, volumes: true });
  });

  test('a failed start of a --rm container removes it, by hand too', async () => {
    const volume = { type: 'volume', source: '', target: '/v', readOnly: false, propagation: '' } as const;
    const { id, config } = await daemon.engine.create(
      'never',
      specOf({ command: ['nosuch'], autoRemove: true, mounts: [volume] }),
    );
    const removed = daemon.engine.wait(id, 'removed', AbortSignal.timeout(10_000));
    await assert.rejects(daemon.engine.start(id), (error: K3cError) => error.reason === 'command-not-found');
    assert.equal((await removed).exitCode, 127);
    assert.throws(() => stateOf(id), { message: `No such container: ${id}` });
    assert.equal(daemon.state.volumes.byName(config.mounts[0]?.volume ?? ''), undefined);
  });

  test('a --mount whose source has gone is refused at every start, and nothing is made in its place', async () => {
    const source = join(rig.base, 'here');
    await mkdir(source);
    const mount = { type: 'bind', source, target: '/m', readOnly: false, propagation: '', mustExist: true } as const;
    const { id } = await runToEnd(daemon.engine, { command: ['true'], mounts: [mount] });
    await rm(source, { recursive: true });
    const message = `invalid mount config for type "bind": bind source path does not exist: ${source}`;
    await assert.rejects(daemon.engine.start(id), { message });
    assert.deepEqual([stateOf(id).state, stateOf(id).error], ['exited', message]);
    await mkdir(source);
    await daemon.engine.start(id);
    await daemon.engine.wait(id, 'not-running', AbortSignal.timeout(10_000));
  });

  test('restarts go on where they were when the daemon comes back, and wait means the next end', async () => {
    const id = await running({ ...sh('exit 3'), restart: always });
    await until('it is started again', () => stateOf(id).restartCount >= 3 && stateOf(id).state === 'restarting');
    const { restartCount, restartDelayMs } = stateOf(id);
    assert.ok(restartDelayMs >= 400, `${restartDelayMs}`);
    await reboot();
    assert.deepEqual([stateOf(id).restartCount, stateOf(id).restartDelayMs], [restartCount, restartDelayMs]);
    assert.equal((await daemon.engine.wait(id, 'not-running', AbortSignal.timeout(10_000))).exitCode, 3);
    assert.ok(stateOf(id).restartCount > restartCount);
    assert.equal(stateOf(id).restartDelayMs, restartDelayMs * 2);
    const last = daemon.engine.wait(id, 'not-running', AbortSignal.timeout(10_000));
    await daemon.engine.stop(id, {});
    assert.equal((await last).exitCode, 3);
    assert.equal(stateOf(id).state, 'exited');
    await daemon.engine.remove(id, { force: true, volumes: true });
  });

  test('after a stop by hand and a restart of the daemon, always runs and unless-stopped and on-failure do not', async () => {
    const ids = await Promise.all(
      (['always', 'unless-stopped', 'on-failure', 'no'] as const).map((name) =>
        running({ restart: { name, maximumRetryCount: 0 } }),
      ),
    );
    await Promise.all(ids.map((id) => daemon.engine.stop(id, { timeout: 0 })));
    const states = () => ids.map((id) => stateOf(id).state);
    assert.deepEqual(states(), ['exited', 'exited', 'exited', 'exited']);
    await reboot();
    await until('always runs', () => states()[0] === 'running');
    assert.deepEqual(states(), ['running', 'exited', 'exited', 'exited']);
    assert.equal(stateOf(ids[0] ?? '').restartCount, 0);
    for (const id of ids) await daemon.engine.remove(id, { force: true, volumes: true });
  });

  test('a machine that was reset: policies start what they should, the rest is exited, nothing is stuck', async () => {
    const volume = { type: 'volume', source: 'kept', target: '/v', readOnly: false, propagation: '' } as const;
    const count = sh('[ -e /own ] && exit 9; touch /own; echo x >> /v/n; sleep 1000');
    const ids = {
      always: await running({ ...count, restart: always, mounts: [volume] }, 'r-always'),
      unless: await running({ restart: { name: 'unless-stopped', maximumRetryCount: 0 } }, 'r-unless'),
      failure: await running({ restart: { name: 'on-failure', maximumRetryCount: 5 } }, 'r-failure'),
      no: await running({}, 'r-no'),
      paused: await running({ restart: always }, 'r-paused'),
      auto: await running({ autoRemove: true }, 'r-auto'),
    };
    await daemon.engine.pause(ids.paused);
    await daemon.close();
    await rig.reset();
    daemon = await rig.boot();
    const state = (id: string) => stateOf(id).state;
    for (const id of [ids.always, ids.unless, ids.failure, ids.paused])
      await until(`${stateOf(id).name} runs again`, () => state(id) === 'running');
    assert.deepEqual([state(ids.no), stateOf(ids.no).exitCode], ['exited', 255]);
    assert.throws(() => stateOf(ids.auto));
    assert.equal(stateOf(ids.always).attempt, 1);
    await sleep(200);
    assert.equal(state(ids.always), 'running', 'its own files are new ones');
    assert.equal(await readFile(join(rig.base, 'volumes/kept/_data/n'), 'utf8'), 'x\nx\n');
    assert.equal(await execIn(ids.paused, ['echo', 'awake']), 'awake\n');
    await daemon.engine.start(ids.no);
    assert.equal(state(ids.no), 'running');
    for (const id of [ids.always, ids.unless, ids.failure, ids.paused, ids.no])
      await daemon.engine.remove(id, { force: true, volumes: true });
    const left = async () =>
      (await daemon.containerd.cri.listPodSandbox({})).items.map(({ metadata }) => metadata?.name);
    for (let i = 0; i < 200 && (await left()).some((name) => name?.startsWith('r-')); i++) await sleep(50);
    assert.deepEqual(
      (await left()).filter((name) => name?.startsWith('r-')),
      [],
    );
  });
});
