import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../../../../test/support/counting.ts';
import { fakeEngine } from '../../../../test/support/fake-engine.ts';
import { Code, K3cError } from '../../../api/errors.ts';
import { ContainerState, PodSandboxState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { Status } from '../../../api/gen/types/task/task.ts';
import type { ContainerChanges } from '../../state/containers.ts';
import { sampleSpec } from './samples.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-life-'));
after(() => rmSync(base, { recursive: true }));

const ended = (exitCode: number) => ({ exitCode, exitedAt: 5n, oomKilled: false, reason: '' });
const deadline = () => AbortSignal.timeout(5000);

type Fake = ReturnType<typeof fakeEngine>;
type Cut = Partial<ContainerChanges> & { readonly ended?: boolean };

async function started(fake: Fake, over: Parameters<typeof sampleSpec>[0] = {}): Promise<string> {
  const { id } = await fake.engine.create('web', sampleSpec({ command: ['x'], ...over }));
  await fake.engine.start(id);
  return id;
}

const actions = ({ engine }: Fake) =>
  engine.events.range(0n, 1n << 62n).flatMap(({ type, action }) => (type === 'container' ? [action] : []));

test('kill comes before die, even when the end is seen before the answer to the signal', async () => {
  const fake = fakeEngine(base);
  const id = await started(fake);
  const answered = Promise.withResolvers<void>();
  fake.hooks['kill'] = async () => {
    fake.exit.resolve(ended(137));
    await answered.promise;
  };
  const killed = fake.engine.kill(id, '');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(fake.state.containers.byId(id)?.state, 'running', 'the end waits for what the signal has to tell');
  answered.resolve();
  await killed;
  assert.deepEqual(actions(fake), ['create', 'start', 'kill', 'die']);
  await fake.engine.close();
});

test('a signal that cannot be sent is told, and does not hold up the end', async () => {
  const fake = fakeEngine(base, { kill: new K3cError(Code.UNAVAILABLE, 'containerd cannot be reached') });
  const id = await started(fake);
  await assert.rejects(fake.engine.kill(id, 'USR1'), { message: 'containerd cannot be reached' });
  fake.exit.resolve(ended(0));
  assert.equal((await fake.engine.wait(id, 'not-running', deadline())).exitCode, 0);
  assert.deepEqual(actions(fake), ['create', 'start', 'die']);
  await fake.engine.close();
});

test('pause: the row follows the answer, and a container that ended meanwhile is not paused', async () => {
  const fake = fakeEngine(base);
  const id = await started(fake);
  fake.hooks['pause'] = async () => {
    fake.exit.resolve(ended(1));
    await fake.engine.wait(id, 'not-running', deadline());
  };
  await assert.rejects(fake.engine.pause(id), { message: `container ${id} is not running` });
  assert.equal(fake.state.containers.byId(id)?.state, 'exited');
  assert.ok(!actions(fake).includes('pause'));
  await fake.engine.close();
});

test('pause tells what containerd said', async () => {
  const fake = fakeEngine(base, { pause: new K3cError(Code.INTERNAL, 'no freezer') });
  const id = await started(fake);
  await assert.rejects(fake.engine.pause(id), { message: `cannot pause container ${id}: no freezer` });
  assert.equal(fake.state.containers.byId(id)?.state, 'running');
  await fake.engine.close();
});

test('unpause goes by what the kernel says, where an earlier answer was not waited for', async () => {
  const fake = fakeEngine(base, { resume: new K3cError(Code.FAILED_PRECONDITION, 'not paused') });
  const id = await started(fake);
  await assert.rejects(fake.engine.unpause(id), { message: `Container ${id} is not paused` });
  fake.process.status = Status.PAUSED;
  await assert.rejects(fake.engine.unpause(id), { message: `Cannot unpause container ${id}: not paused` });
  fake.process.status = Status.RUNNING;
  await fake.engine.pause(id);
  await fake.engine.unpause(id);
  assert.equal(fake.state.containers.byId(id)?.state, 'running');
  await fake.engine.close();
});

test('a signal that ends a paused container thaws it; another does so where no stop signal is set', async () => {
  const plain = fakeEngine(base);
  const lived = await started(plain);
  await plain.engine.pause(lived);
  await plain.engine.kill(lived, 'USR1');
  assert.deepEqual(actions(plain).slice(-3), ['pause', 'kill', 'unpause'], 'as docker has it');
  await plain.engine.close();

  const fake = fakeEngine(base);
  const id = await started(fake, { stopSignal: 'QUIT' });
  await fake.engine.pause(id);
  await fake.engine.kill(id, 'HUP');
  assert.deepEqual([fake.state.containers.byId(id)?.state, fake.calls.includes('resume')], ['paused', false]);
  fake.hooks['resume'] = () => fake.exit.resolve(ended(143));
  await fake.engine.stop(id, {});
  const of = (name: string) => (fake.calls as readonly string[]).lastIndexOf(name);
  assert.ok(of('kill') < of('resume'));
  assert.equal(fake.state.containers.byId(id)?.exitCode, 143);
  await fake.engine.close();
});

test('a thaw that fails because there is nothing frozen any more is no error', async () => {
  const fake = fakeEngine(base, { resume: new K3cError(Code.FAILED_PRECONDITION, 'not paused') });
  const id = await started(fake);
  await fake.engine.pause(id);
  fake.hooks['kill'] = () => fake.exit.resolve(ended(137));
  await fake.engine.remove(id, { force: true, volumes: false });
  assert.equal(fake.state.containers.byId(id), undefined);
  await fake.engine.close();
});

test('after a containerd that came back the rows say what is frozen', async () => {
  const fake = fakeEngine(base);
  const id = await started(fake);
  fake.known.tasks = [{ id: 'cri', status: Status.PAUSED }];
  fake.process.status = Status.PAUSED;
  await fake.engine.resync(0, deadline());
  assert.equal(fake.state.containers.byId(id)?.state, 'paused');
  fake.known.tasks = [{ id: 'cri', status: Status.RUNNING }];
  fake.process.status = Status.RUNNING;
  await fake.engine.resync(0, deadline());
  assert.equal(fake.state.containers.byId(id)?.state, 'running');
  assert.deepEqual(actions(fake).slice(-2), ['pause', 'unpause']);
  await fake.engine.close();
});

test('a kill of a container that is being started means its process', async () => {
  const fake = fakeEngine(base);
  const { id } = await fake.engine.create('web', sampleSpec({ command: ['x'] }));
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  fake.hooks['startContainer'] = () => {
    begun.resolve();
    return go.promise;
  };
  fake.hooks['kill'] = () => fake.exit.resolve(ended(137));
  const starting = fake.engine.start(id);
  await begun.promise;
  const killing = fake.engine.kill(id, '');
  go.resolve();
  await Promise.all([starting, killing]);
  assert.deepEqual([fake.state.containers.byId(id)?.state, fake.state.containers.byId(id)?.exitCode], ['exited', 137]);
  await fake.engine.close();
});

test('restarts are counted when they are due, with a delay that doubles, and a start by hand begins anew', async () => {
  const fake = fakeEngine(base);
  const id = await started(fake, { restart: { name: 'on-failure', maximumRetryCount: 0 } });
  const now = () => {
    const record = fake.state.containers.byId(id);
    return [record?.state, record?.restartCount, record?.restartDelayMs];
  };
  fake.exit.resolve(ended(1));
  await fake.engine.wait(id, 'next-exit', deadline());
  assert.deepEqual(now(), ['restarting', 1, 100]);
  await fake.engine.wait(id, 'next-exit', deadline());
  assert.deepEqual(now(), ['restarting', 2, 200]);
  await fake.engine.start(id);
  assert.deepEqual(now().slice(1), [0, 0]);
  await fake.engine.close();
});

test('a policy outlives starts that fail: they are tried again with a growing delay', async () => {
  const fails: { [call: string]: K3cError } = {};
  const fake = fakeEngine(base, fails);
  const id = await started(fake, { restart: { name: 'always', maximumRetryCount: 0 } });
  fails['runPodSandbox'] = new K3cError(Code.UNAVAILABLE, 'containerd cannot be reached');
  fake.exit.resolve(ended(0));
  await fake.engine.wait(id, 'next-exit', deadline());
  assert.equal((await fake.engine.wait(id, 'next-exit', deadline())).error, 'containerd cannot be reached');
  await new Promise(setImmediate);
  const record = fake.state.containers.byId(id);
  assert.deepEqual([record?.state, record?.restartCount, record?.restartDelayMs], ['restarting', 2, 200]);
  await fake.engine.close();
});

test('a start that fails although its row cannot be taken back is told of as itself', async () => {
  const fake = fakeEngine(base, { startContainer: new K3cError(Code.INTERNAL, 'no') });
  const { id } = await fake.engine.create('web', sampleSpec({ command: ['x'] }));
  fake.streams.failed = () => {
    throw new Error('FIFO');
  };
  await assert.rejects(fake.engine.start(id), { message: 'no' });
  assert.equal(fake.state.containers.byId(id)?.state, 'created');
  await fake.engine.close();
});

test('the removal of a container is under way only when its row is gone for good', async () => {
  const fake = fakeEngine(base);
  const { id } = await fake.engine.create('web', sampleSpec({ command: ['x'] }));
  fake.exit.resolve(ended(0));
  await fake.engine.start(id);
  await fake.engine.wait(id, 'not-running', deadline());
  await new Promise(setImmediate);
  fake.calls.length = 0;
  fake.state.containers.delete = () => {
    throw new Error('the disk is full');
  };
  await assert.rejects(fake.engine.remove(id, { force: false, volumes: false }), { message: 'the disk is full' });
  await new Promise(setImmediate);
  assert.ok(!fake.calls.includes('removePodSandbox'));
  assert.notEqual(fake.state.containers.byId(id), undefined);
  await fake.engine.close();
});

test('a daemon stops although containerd does not answer', async (t) => {
  const fake = fakeEngine(base);
  fake.hooks['stopPodSandbox'] = (signal) =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  fake.exit.resolve(ended(0));
  const id = await started(fake, { autoRemove: true });
  await fake.engine.wait(id, 'removed', deadline());
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const closed = fake.engine.close();
  await new Promise(setImmediate);
  t.mock.timers.tick(10_000);
  await closed;
  assert.ok(fake.calls.includes('stopPodSandbox'));
});

test('a daemon that comes back takes up what was paused as paused', async () => {
  const fake = fakeEngine(base);
  const { id } = await fake.engine.create('web', sampleSpec({ command: ['x'] }));
  fake.state.containers.update(id, { state: 'running', attempt: 0, sandboxId: 's', criId: 'c', startedAt: 1n });
  fake.known.sandboxes = [
    { id: 's', labels: { 'k3c.io/id': id }, metadata: { attempt: 0 }, state: PodSandboxState.SANDBOX_READY },
  ];
  fake.known.containers = [
    {
      id: 'c',
      podSandboxId: 's',
      labels: { 'k3c.io/id': id },
      metadata: { attempt: 0 },
      state: ContainerState.CONTAINER_RUNNING,
    },
  ];
  fake.known.tasks = [{ id: 'c', status: Status.PAUSED }];
  fake.streams.reopens = true;
  await fake.engine.reconcile(deadline());
  assert.deepEqual([fake.state.containers.byId(id)?.state, fake.engine.counts().paused], ['paused', 1]);
  await fake.engine.close();
});

test('a restart of a --rm container that is cut off is finished by the next daemon, wherever it was', async () => {
  const asked = { timeout: 3, signal: 'QUIT' };
  const rows = {
    'nothing was done yet': { state: 'running' },
    'it has ended and nobody has seen it': { state: 'running', ended: true },
    'its end is recorded': { state: 'exited' },
    'the start was cut off': { state: 'starting', attempt: 1, sandboxId: '', criId: '' },
  } as const;
  for (const [when, { ended: isOver = false, ...row }] of Object.entries<Cut>(rows)) {
    const fake = fakeEngine(base);
    const { id } = await fake.engine.create('web', sampleSpec({ command: ['x'], autoRemove: true }));
    const before = { attempt: 0, sandboxId: 's', criId: 'c', startedAt: 1n, restartAsked: asked };
    fake.state.containers.update(id, { ...before, ...row });
    const labels = { 'k3c.io/id': id };
    const state = isOver || row.state === 'exited' ? ContainerState.CONTAINER_EXITED : ContainerState.CONTAINER_RUNNING;
    if (row.state !== 'starting') {
      fake.known.sandboxes = [{ id: 's', labels, metadata: { attempt: 0 }, state: PodSandboxState.SANDBOX_READY }];
      fake.known.containers = [{ id: 'c', podSandboxId: 's', labels, metadata: { attempt: 0 }, state }];
    }
    fake.streams.reopens = true;
    const signals: unknown[] = [];
    fake.hooks['kill'] = () => {
      signals.push('signal');
      fake.exit.resolve(ended(131));
    };
    await fake.engine.reconcile(deadline());
    await until(when, () => actions(fake).includes('restart'));
    assert.equal(signals.length, row.state === 'running' && !isOver ? 1 : 0, when);
    // The process that was given a signal is the fake's only one: the new attempt may have ended, and with it the container.
    assert.ok(!actions(fake).slice(0, actions(fake).indexOf('start')).includes('destroy'), when);
    assert.equal(fake.state.containers.byId(id)?.restartAsked ?? null, null, when);
    await fake.engine.close();
  }
});

test('a new attempt that ran when the daemon was killed has been restarted: its end removes a --rm container', async () => {
  const fake = fakeEngine(base);
  const { id } = await fake.engine.create('web', sampleSpec({ command: ['x'], autoRemove: true }));
  const row = { state: 'starting', attempt: 1, sandboxId: 's', criId: 'c', startedAt: 1n, restartAsked: {} } as const;
  fake.state.containers.update(id, row);
  const labels = { 'k3c.io/id': id };
  fake.known.sandboxes = [{ id: 's', labels, metadata: { attempt: 1 }, state: PodSandboxState.SANDBOX_READY }];
  fake.known.containers = [
    { id: 'c', podSandboxId: 's', labels, metadata: { attempt: 1 }, state: ContainerState.CONTAINER_RUNNING },
  ];
  fake.streams.reopens = true;
  await fake.engine.reconcile(deadline());
  assert.deepEqual(actions(fake), ['create', 'start', 'restart']);
  fake.exit.resolve(ended(0));
  await fake.engine.wait(id, 'removed', deadline());
  assert.equal(fake.state.containers.byId(id), undefined);
  await fake.engine.close();
});

test('a restart that cannot stop the process is over: its end removes a --rm container', async () => {
  const fake = fakeEngine(base, { kill: new K3cError(Code.UNAVAILABLE, 'containerd cannot be reached') });
  const id = await started(fake, { autoRemove: true });
  await assert.rejects(fake.engine.restart(id, {}), { message: 'containerd cannot be reached' });
  assert.equal(fake.state.containers.byId(id)?.restartAsked, null);
  fake.exit.resolve(ended(0));
  await fake.engine.wait(id, 'removed', deadline());
  await fake.engine.close();
});
