import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fakeEngine as fake } from '../../../../test/support/fake-engine.ts';
import { Code, K3cError } from '../../../api/errors.ts';
import { ContainerState, PodSandboxState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { type ContainerSpec, NO_RESOURCES } from '../../state/spec.ts';
import { sampleSpec } from './samples.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-launch-'));
after(() => rmSync(base, { recursive: true }));
const fakeEngine = (fails: { [call: string]: K3cError } = {}) => fake(base, fails);

const PORT = { hostIp: '', hostPort: 80, containerPort: 80, protocol: 'tcp' } as const;
const spec = (over: Partial<ContainerSpec> = {}) => sampleSpec({ command: ['x'], ports: [PORT], ...over });

test('the order of a start', async () => {
  const { engine, calls, state, exit } = fakeEngine();
  const { id } = await engine.create('web', spec());
  assert.equal(calls.length, 0, 'a container that is only created costs containerd nothing');
  await engine.start(id);
  const at = (name: string) => (calls as readonly string[]).indexOf(name);
  assert.equal(at('reserve'), 0);
  for (const [first, then] of [
    ['runPodSandbox', 'createContainer'],
    ['podSandboxStatus', 'publish'],
    ['createContainer', 'prepare'],
    ['update', 'startContainer'],
    ['publish', 'startContainer'],
    ['startContainer', 'started'],
  ] as const)
    assert.ok(at(first) < at(then) && at(first) >= 0, `${first} before ${then}: ${calls.join(' ')}`);
  assert.deepEqual([state.containers.byId(id)?.state, state.containers.byId(id)?.ip], ['running', '10.0.0.2']);
  exit.resolve({ exitCode: 3, exitedAt: 5n, oomKilled: false, reason: '' });
  assert.equal((await engine.wait(id, 'not-running', AbortSignal.timeout(1000))).exitCode, 3);
  assert.ok(at('release') > 0);
  assert.deepEqual(
    engine.events.range(0n, 1n << 62n).map(({ type, action }) => `${type} ${action}`),
    ['container create', 'network connect', 'container start', 'container die', 'network disconnect'],
  );
  await engine.close();
});

for (const step of [
  'reserve',
  'runPodSandbox',
  'podSandboxStatus',
  'publish',
  'createContainer',
  'prepare',
  'update',
  'startContainer',
]) {
  test(`a start that fails at ${step} takes back what was made`, async () => {
    const { engine, calls, state } = fakeEngine({ [step]: new K3cError(Code.UNAVAILABLE, 'no') });
    const { id } = await engine.create('web', spec());
    const waiting = engine.wait(id, 'next-exit', AbortSignal.timeout(5000));
    await assert.rejects(engine.start(id), { message: 'no' });
    const record = state.containers.byId(id);
    assert.deepEqual(
      [record?.state, record?.sandboxId, record?.criId, record?.exitCode, record?.error],
      ['created', '', '', 128, 'no'],
    );
    assert.equal((await waiting).exitCode, 128);
    await engine.close();
    assert.ok(calls.includes('release'));
    assert.equal(calls.includes('removePodSandbox'), !['reserve', 'runPodSandbox'].includes(step));
    assert.equal(calls.includes('failed'), ['update', 'startContainer'].includes(step));
  });
}

test('a sandbox that CRI could not take back when it failed is removed, and no other', async () => {
  const { engine, calls, known } = fakeEngine({ runPodSandbox: new K3cError(Code.UNKNOWN, 'no') });
  const { id } = await engine.create('web', spec());
  const state = PodSandboxState.SANDBOX_NOTREADY;
  known.sandboxes = [
    { id: 'kept', labels: { 'k3c.io/id': id }, metadata: { attempt: 0 }, state },
    { id: 'other', labels: { 'k3c.io/id': 'another' }, metadata: { attempt: 0 }, state },
  ];
  await assert.rejects(engine.start(id), { message: 'no' });
  await engine.close();
  assert.equal(calls.filter((call) => call === 'removePodSandbox').length, 1);
});

test('a container that was stopped by hand during the delay of its restart stays stopped', async () => {
  const { engine, state, exit } = fakeEngine();
  const { id } = await engine.create('web', spec({ restart: { name: 'always', maximumRetryCount: 0 } }));
  await engine.start(id);
  exit.resolve({ exitCode: 0, exitedAt: 5n, oomKilled: false, reason: '' });
  await engine.wait(id, 'next-exit', AbortSignal.timeout(1000)).catch(() => undefined);
  assert.equal(state.containers.byId(id)?.state, 'restarting');
  await engine.stop(id, {});
  assert.deepEqual([state.containers.byId(id)?.state, state.containers.byId(id)?.manualStop], ['exited', true]);
  await engine.close();
});

for (const [what, fails] of [
  ['its log cannot be closed', { exited: new K3cError(Code.INTERNAL, 'EIO') }],
  ['its ports cannot be released', { release: new K3cError(Code.INTERNAL, 'netlink') }],
] as const) {
  test(`an exit is recorded although ${what}`, async () => {
    const { engine, state, exit } = fakeEngine({ ...fails });
    const { id } = await engine.create('web', spec());
    await engine.start(id);
    exit.resolve({ exitCode: 3, exitedAt: 5n, oomKilled: false, reason: '' });
    assert.equal((await engine.wait(id, 'not-running', AbortSignal.timeout(1000))).exitCode, 3);
    assert.equal(state.containers.byId(id)?.state, 'exited');
    await engine.remove(id, { force: false, volumes: false });
    await engine.close();
  });
}

test('a container that somebody else removed from CRI has ended, and can be removed', async () => {
  const { engine, state, exit } = fakeEngine();
  const { id } = await engine.create('web', spec());
  await engine.start(id);
  exit.reject(new K3cError(Code.NOT_FOUND, 'container not found'));
  assert.equal((await engine.wait(id, 'not-running', AbortSignal.timeout(1000))).exitCode, 255);
  assert.equal(state.containers.byId(id)?.state, 'exited');
  await engine.remove(id, { force: true, volumes: false });
  await engine.close();
});

test('a container that cannot be taken up does not keep the daemon from coming back', async () => {
  const { engine, calls, known, state } = fakeEngine();
  const { id } = await engine.create('web', spec());
  state.containers.update(id, { state: 'running', attempt: 0, sandboxId: 's', criId: 'c', startedAt: 1n });
  known.sandboxes = [
    { id: 's', labels: { 'k3c.io/id': id }, metadata: { attempt: 0 }, state: PodSandboxState.SANDBOX_READY },
  ];
  known.containers = [
    {
      id: 'c',
      podSandboxId: 's',
      labels: { 'k3c.io/id': id },
      metadata: { attempt: 0 },
      state: ContainerState.CONTAINER_RUNNING,
    },
  ];
  await engine.reconcile(AbortSignal.timeout(1000)); // its streams cannot be opened again
  assert.deepEqual([state.containers.byId(id)?.state, state.containers.byId(id)?.exitCode], ['exited', 255]);
  await engine.close();
  assert.ok(calls.includes('stopPodSandbox'));
});

test('a volume is seeded at the first start that gets so far', async () => {
  const fails: { [call: string]: K3cError } = { reserve: new K3cError(Code.ALREADY_EXISTS, 'port taken') };
  const { engine, calls } = fakeEngine(fails);
  const mounts = [{ type: 'volume', source: 'data', target: '/data', readOnly: false, propagation: '' }] as const;
  const { id } = await engine.create('web', spec({ mounts }));
  await assert.rejects(engine.start(id), { message: 'port taken' });
  delete fails['reserve'];
  fails['mounts'] = new K3cError(Code.INTERNAL, 'far enough');
  await assert.rejects(engine.start(id), { message: 'far enough' });
  assert.ok(calls.includes('mounts'));
  await engine.close();
});

test('whoever waits for the next exit of a container learns of its removal, and of the end of its restarts', async () => {
  const { engine, exit } = fakeEngine();
  const { id } = await engine.create('web', spec({ restart: { name: 'always', maximumRetryCount: 0 } }));
  await engine.start(id);
  exit.resolve({ exitCode: 4, exitedAt: 5n, oomKilled: false, reason: '' });
  await engine.wait(id, 'next-exit', AbortSignal.timeout(1000));
  const stopped = engine.wait(id, 'next-exit', AbortSignal.timeout(1000));
  await engine.stop(id, {});
  assert.equal((await stopped).exitCode, 4);
  const removed = engine.wait(id, 'next-exit', AbortSignal.timeout(1000));
  await engine.remove(id, { force: false, volumes: false });
  assert.equal((await removed).exitCode, 4);
  await engine.close();
});

test('requests that cannot be right are refused before anything is written', async () => {
  const { engine, state } = fakeEngine();
  for (const [over, message] of [
    [{ image: '' }, /invalid reference format/],
    [{ resources: { ...NO_RESOURCES, memoryBytes: 1 << 20 } }, /Minimum memory limit allowed is 6MB/],
    [
      { autoRemove: true, restart: { name: 'always', maximumRetryCount: 0 } },
      /can't create 'AutoRemove' container with restart policy/,
    ],
    [{ restart: { name: 'always', maximumRetryCount: 3 } }, /maximum retry count cannot be used/],
    [{ networkMode: 'none' }, /conflicting options/],
    [{ init: true }, /--init is not available/],
  ] as const)
    await assert.rejects(engine.create('', spec(over)), message);
  assert.equal(state.containers.list().length, 0);
  await engine.close();
});
