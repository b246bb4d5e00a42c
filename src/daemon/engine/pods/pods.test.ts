/** The pod engine on a containerd that does as it is told. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fakeEngine } from '../../../../test/support/fake-engine.ts';
import { Code, K3cError } from '../../../api/errors.ts';
import { PodSandboxState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { NO_NETWORK } from '../../state/spec.ts';
import { sampleSpec } from '../containers/samples.ts';
import { samplePodSpec } from './samples.ts';

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'k3c-pods-'));
});
after(() => rm(base, { recursive: true, force: true }));

const port = { hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' } as const;
const count = (calls: readonly string[], name: string) => calls.filter((call) => call === name).length;
const bridge = {
  id: 'default',
  name: 'bridge',
  bridge: 'b',
  gateway: '10.0.0.1',
  cidr: '10.0.0.0/16',
  internal: false,
};
const deadline = () => AbortSignal.timeout(5000);

test('the first container makes the sandbox, the second finds it; its end leaves it', async () => {
  const fake = fakeEngine(base);
  const { engine, state, calls, exit } = fake;
  const { id } = await engine.pods.create('duo', samplePodSpec({ ports: [port] }));
  assert.deepEqual(calls, []);
  for (const name of ['app', 'side']) await engine.create(name, sampleSpec({ command: ['x'], pod: 'duo' }));
  await engine.start('app');
  await engine.start('side');
  assert.deepEqual(
    [count(calls, 'runPodSandbox'), count(calls, 'reserve'), count(calls, 'createContainer')],
    [1, 1, 2],
  );
  const pod = state.pods.byId(id);
  assert.deepEqual([pod?.state, pod?.sandboxId, pod?.ip, pod?.attempt], ['running', 'sandbox', '10.0.0.2', 0]);
  const members = (fake.engine.pods.list({ all: false, filters: {} })[0]?.containers ?? []).map(({ name }) => name);
  assert.deepEqual(members, ['app', 'side']);
  exit.resolve({ exitCode: 0, exitedAt: 1n, oomKilled: false, reason: '' });
  await engine.wait('app', 'not-running', deadline());
  await engine.wait('side', 'not-running', deadline());
  await engine.close();
  assert.deepEqual([count(calls, 'stopPodSandbox'), state.pods.byId(id)?.state], [0, 'running']);
});

test('a start that fails takes its container back, and not the sandbox', async () => {
  const fake = fakeEngine(base, { startContainer: new K3cError(Code.UNKNOWN, 'broken') });
  const { engine, state, calls } = fake;
  await engine.pods.create('duo', samplePodSpec());
  await engine.create('app', sampleSpec({ command: ['x'], pod: 'duo' }));
  await assert.rejects(engine.start('app'), /broken/);
  await engine.close();
  assert.deepEqual([count(calls, 'removeContainer'), count(calls, 'removePodSandbox')], [1, 0]);
  assert.equal(state.pods.byName('duo')?.state, 'running');
  assert.equal(state.containers.byName('app')?.criId, '');
});

test('a sandbox that cannot be made leaves the pod as it was', async () => {
  const fake = fakeEngine(base, { runPodSandbox: new K3cError(Code.UNKNOWN, 'no sandbox') });
  const { engine, state, calls } = fake;
  await engine.pods.create('duo', samplePodSpec({ ports: [port] }));
  await assert.rejects(engine.pods.start('duo'), /no sandbox/);
  assert.ok(calls.includes('release'));
  const pod = state.pods.byName('duo');
  assert.deepEqual([pod?.state, pod?.sandboxId, pod?.ports], ['created', '', []]);
  await engine.close();
});

test('a stop gives the ports back, and the sandbox goes when nothing in it can be looked at', async () => {
  const { engine, state, calls } = fakeEngine(base);
  await engine.pods.create('duo', samplePodSpec({ ports: [port] }));
  await engine.pods.start('duo');
  await engine.pods.stop('duo', {});
  assert.ok(calls.lastIndexOf('release') < calls.lastIndexOf('stopPodSandbox'));
  assert.equal(count(calls, 'removePodSandbox'), 1);
  assert.equal(state.pods.byName('duo')?.state, 'stopped');
  await engine.pods.stop('duo', {}); // again is fine
  await engine.pods.remove('duo', { force: false });
  assert.equal(state.pods.byName('duo'), undefined);
  await engine.close();
});

test('rm is refused while a container runs, and takes all of them by force', async () => {
  const { engine, state, hooks, exit } = fakeEngine(base);
  await engine.pods.create('duo', samplePodSpec());
  const { id } = await engine.create('app', sampleSpec({ command: ['x'], pod: 'duo' }));
  await engine.create('idle', sampleSpec({ command: ['x'], pod: 'duo' }));
  await engine.start('app');
  await assert.rejects(
    engine.pods.remove('duo', { force: false }),
    (error) =>
      error instanceof K3cError && error.reason === 'pod-in-use' && /running containers \(app\)/.test(error.message),
  );
  assert.equal(state.containers.list().length, 2);
  hooks['kill'] = () => exit.resolve({ exitCode: 137, exitedAt: 1n, oomKilled: false, reason: '' });
  const removed = await engine.pods.remove('duo', { force: true });
  assert.deepEqual([removed.name, removed.containers.length, removed.containers.includes(id)], ['duo', 2, true]);
  assert.equal(state.containers.list().length, 0);
  await engine.close();
  const told = engine.events.range(0n, 1n << 62n).filter(({ type }) => type === 'pod');
  assert.deepEqual(
    told.map(({ action }) => action),
    ['create', 'start', 'stop', 'remove'],
  );
});

test('rm by force does not wait for a stop that waits for a process', async () => {
  const { engine, state, hooks, exit } = fakeEngine(base);
  await engine.pods.create('duo', samplePodSpec());
  await engine.create('app', sampleSpec({ command: ['x'], pod: 'duo' }));
  await engine.start('app');
  const asked = Promise.withResolvers<void>();
  hooks['kill'] = () => asked.resolve();
  const stopping = engine.pods.stop('duo', { timeout: -1 });
  await asked.promise;
  hooks['kill'] = () => exit.resolve({ exitCode: 137, exitedAt: 1n, oomKilled: false, reason: '' });
  await engine.pods.remove('duo', { force: true });
  assert.equal(state.pods.byName('duo'), undefined);
  await stopping.catch((error: unknown) => assert.match(String(error), /no such pod/));
  await engine.close();
});

test('a pod is known by its name and by those of its containers that run', async () => {
  const { engine, members, hooks, exit } = fakeEngine(base);
  members.addNetwork(bridge);
  await engine.pods.create('duo', samplePodSpec());
  const { id } = await engine.create('app', sampleSpec({ command: ['x'], pod: 'duo' }));
  await engine.create('idle', sampleSpec({ command: ['x'], pod: 'duo' }));
  await engine.start('app');
  const known = () => members.members('default').map(({ name, ip, aliases }) => [name, ip, ...aliases]);
  assert.deepEqual(known(), [['duo', '10.0.0.2', 'app', id.slice(0, 12)]]);
  engine.rename('app', 'other');
  assert.deepEqual(known(), [['duo', '10.0.0.2', 'other', id.slice(0, 12)]]);
  hooks['kill'] = () => exit.resolve({ exitCode: 0, exitedAt: 1n, oomKilled: false, reason: '' });
  await engine.stop('other', {});
  assert.deepEqual(known(), [['duo', '10.0.0.2']]);
  await engine.pods.stop('duo', {});
  assert.deepEqual(known(), []);
  await engine.close();
});

test('pod start starts all at once, and tells what failed, oldest first', async () => {
  const { engine, hooks, calls } = fakeEngine(base, { startContainer: new K3cError(Code.UNKNOWN, 'broken') });
  await engine.pods.create('duo', samplePodSpec());
  for (const name of ['one', 'two', 'three']) await engine.create(name, sampleSpec({ command: ['x'], pod: 'duo' }));
  // The first waits for the last: one after another would never end.
  const all = Promise.withResolvers<void>();
  hooks['createContainer'] = async () => {
    if (count(calls, 'createContainer') === 3) all.resolve();
    await all.promise;
  };
  await assert.rejects(engine.pods.start('duo'), (error) => {
    assert.ok(error instanceof K3cError);
    assert.match(error.message, /^cannot start all containers of pod duo: one: .*; two: .*; three: .*broken/);
    return true;
  });
  await engine.close();
});

test('names of pods and containers are one set', async () => {
  const { engine } = fakeEngine(base);
  await engine.pods.create('duo', samplePodSpec());
  await engine.create('web', sampleSpec({ command: ['x'] }));
  await assert.rejects(engine.create('duo', sampleSpec({ command: ['x'] })), /"\/duo" is already in use by pod/);
  await assert.rejects(engine.pods.create('web', samplePodSpec()), /"\/web" is already in use by container/);
  await assert.rejects(engine.pods.create('duo', samplePodSpec()), /"\/duo" is already in use by pod/);
  assert.throws(() => engine.rename('web', 'duo'), /already in use by pod/);
  await engine.close();
});

test('what cannot be is refused before anything is written', async () => {
  const { engine, state } = fakeEngine(base);
  const refused = [
    ['a b', {}, /Invalid pod name/],
    ['x1', { hostname: 'a b' }, /invalid hostname format/],
    ['x1', { networkMode: 'container:web' }, /cannot share the network of container:web/],
    ['x1', { networkMode: 'nowhere' }, /network nowhere not found/],
    ['x1', { networkMode: 'none', ports: [port] }, /port publishing and the network mode none/],
    ['x1', { networkMode: 'host', sysctls: { 'net.core.somaxconn': '1' } }, /not allowed in host network namespace/],
    ['x1', { network: { ...NO_NETWORK, ip: '10.0.0.5' } }, /user defined networks only/],
    ['x1', { cgroupParent: 'x.slice' }, /names a slice/],
  ] as const;
  for (const [name, over, words] of refused) await assert.rejects(engine.pods.create(name, samplePodSpec(over)), words);
  assert.equal(state.pods.list().length, 0);
  const { warnings } = await engine.pods.create('x1', samplePodSpec({ networkMode: 'host', ports: [port] }));
  assert.deepEqual(warnings, ['Published ports are discarded when using host network mode']);
  await assert.rejects(engine.create('', sampleSpec({ command: ['x'], pod: 'nope' })), /no such pod: nope/);
  await engine.close();
});

test('a daemon that comes back takes up a pod whose sandbox is there, and stops one that has none', async () => {
  const { engine, state, known, calls, members } = fakeEngine(base);
  members.addNetwork(bridge);
  const { id } = await engine.pods.create('here', samplePodSpec({ ports: [port] }));
  const lost = await engine.pods.create('lost', samplePodSpec());
  for (const pod of [id, lost.id])
    state.pods.update(pod, { state: 'running', sandboxId: `s-${pod}`, ip: '10.0.0.7', startedAt: 1n, attempt: 3 });
  const labels = { 'k3c.io/id': id, 'k3c.io/pod': 'here' };
  known.sandboxes = [
    { id: `s-${id}`, labels, metadata: { attempt: 3 }, state: PodSandboxState.SANDBOX_READY },
    { id: 'cut-off', labels, metadata: { attempt: 2 }, state: PodSandboxState.SANDBOX_READY },
  ];
  known.containers = [
    { id: 'stray', podSandboxId: `s-${id}`, labels: { 'k3c.io/id': 'gone' }, metadata: { attempt: 0 }, state: 1 },
  ];
  const cut = await engine.create('cut', sampleSpec({ command: ['x'], pod: 'here' }));
  state.containers.update(cut.id, { state: 'starting', attempt: 0 });
  await engine.reconcile(deadline());
  assert.deepEqual(
    members.members('default').map(({ name, aliases }) => [name, aliases]),
    [['here', []]],
    'a container whose start was cut off is known no more',
  );
  assert.deepEqual([state.pods.byId(id)?.state, state.pods.byId(lost.id)?.state], ['running', 'stopped']);
  await engine.close();
  assert.deepEqual(
    [count(calls, 'removePodSandbox'), count(calls, 'removeContainer'), engine.ownsSandbox(`s-${id}`)],
    [1, 1, true],
  );
});
