import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../state/database.ts';
import { sampleRecord, sampleSpec } from '../containers/samples.ts';
import { inspectPod } from './document.ts';
import { listPods, visiblePodState } from './list.ts';
import { isInPod, withPod } from './member-view.ts';
import { samplePod, samplePodSpec } from './samples.ts';

const running = { state: 'running' };
const exited = { state: 'exited' };

const states: readonly (readonly ['created' | 'running' | 'stopped', readonly { readonly state: string }[], string])[] =
  [
    ['created', [], 'created'],
    ['created', [{ state: 'created' }], 'created'],
    ['running', [], 'running'],
    ['running', [running, { state: 'paused' }], 'running'],
    ['running', [running, exited], 'degraded'],
    ['running', [exited, { state: 'restarting' }], 'exited'],
    ['stopped', [exited], 'stopped'],
  ];
for (const [state, members, shown] of states)
  test(`a pod that is ${state} with [${members.map((member) => member.state).join(' ')}] is shown as ${shown}`, () => {
    assert.equal(visiblePodState({ state }, members), shown);
  });

function store() {
  const state = openDatabase(':memory:');
  const pod = samplePod({
    spec: samplePodSpec({ hostname: 'duo', labels: { tier: 'web' } }),
    createdAt: 5n,
    state: 'running',
    sandboxId: 's1',
    ip: '10.0.0.9',
    ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
  });
  state.pods.insert(pod);
  const member = (digit: string, name: string, createdAt: bigint) =>
    sampleRecord({
      id: digit.repeat(64),
      name,
      createdAt,
      state: 'running',
      sandboxId: 's1',
      spec: sampleSpec({ pod: pod.id, networkMode: `pod:${pod.id}` }),
    });
  state.containers.insert(member('1', 'app', 6n));
  state.containers.insert(member('2', 'side', 7n));
  state.containers.insert(sampleRecord({ id: '3'.repeat(64), name: 'alone', createdAt: 8n }));
  return { state, pod };
}

test('pods are listed with their containers, oldest first; those of one only when asked for', () => {
  const { state } = store();
  const [listed, ...more] = listPods(state, { all: false, filters: {} });
  assert.equal(more.length, 0);
  assert.deepEqual(
    listed?.containers.map(({ name }) => name),
    ['app', 'side'],
  );
  assert.deepEqual([listed?.networks, listed?.ip, listed?.sandboxId], [['bridge'], '10.0.0.9', 's1']);
  assert.deepEqual(
    listPods(state, { all: true, filters: {} }).map(({ name, state: shown }) => [name, shown]),
    [
      ['alone', 'stopped'],
      ['duo', 'running'],
    ],
  );
});

test('filters choose', () => {
  const { state, pod } = store();
  const chosen = (filters: Record<string, string[]>) => listPods(state, { all: true, filters }).map(({ name }) => name);
  assert.deepEqual(chosen({ name: ['du'] }), ['duo']);
  assert.deepEqual(chosen({ id: [pod.id.slice(0, 5)] }), ['duo']);
  assert.deepEqual(chosen({ label: ['tier=web'] }), ['duo']);
  assert.deepEqual(chosen({ label: ['tier=db'] }), []);
  assert.deepEqual(chosen({ status: ['Running'] }), ['duo']);
  assert.deepEqual(chosen({ status: ['running', 'stopped'] }), ['alone', 'duo']);
  assert.deepEqual(chosen({ network: ['bridge'], 'ctr-names': ['side'] }), ['duo']);
  assert.deepEqual(chosen({ 'ctr-ids': ['33'] }), ['alone']);
  assert.throws(() => chosen({ nope: ['x'] }), /invalid filter 'nope'/);
  assert.throws(() => chosen({ status: ['runing'] }), /invalid filter 'status=runing': invalid value for state/);
});

test('a container is shown with its pod’s place on the network, as long as both run', () => {
  const { state, pod } = store();
  const member = state.containers.byName('app');
  assert.ok(member);
  const shown = withPod(state, member);
  assert.deepEqual([shown.ip, shown.ports, shown.spec.networkMode], ['10.0.0.9', pod.ports, 'default']);
  assert.equal(withPod(state, { ...member, state: 'exited' }).ip, '');
  state.pods.update(pod.id, { state: 'stopped' });
  assert.equal(withPod(state, member).ip, '');
  assert.deepEqual(
    ['duo', pod.id, pod.id.slice(0, 4), 'du', ''].map((value) => isInPod(state, member, value)),
    [true, true, true, false, false],
  );
  const alone = state.containers.byName('alone');
  assert.ok(alone);
  assert.equal(withPod(state, alone), alone);
  assert.equal(isInPod(state, alone, 'alone'), false);
});

test('a document of either kind of pod; a container of a pod is none', () => {
  const { state, pod } = store();
  assert.equal(inspectPod(state, 'duo')['Id'], pod.id);
  assert.equal(inspectPod(state, 'cdcd')['NumContainers'], 2);
  const alone = inspectPod(state, 'alone');
  assert.deepEqual([alone['Name'], alone['State'], alone['NumContainers']], ['alone', 'Stopped', 1]);
  for (const reference of ['app', 'nobody']) assert.throws(() => inspectPod(state, reference), /no such pod: /);
});
