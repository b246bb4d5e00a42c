import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContainerState as CriState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { planContainer } from './reconcile-plan.ts';
import { sampleRecord, sampleSpec } from './samples.ts';

const cri = (state: CriState, attempt = 0) => ({ id: 'c', sandboxId: 's', owner: 'o', attempt, state });
const plan = (record: Partial<ContainerRecord>, ...containers: ReturnType<typeof cri>[]) =>
  planContainer(sampleRecord(record), containers).kind;
const policy = (name: 'always' | 'unless-stopped' | 'on-failure') =>
  sampleSpec({ restart: { name, maximumRetryCount: 0 } });

test('what was running', () => {
  assert.equal(plan({ state: 'running' }, cri(CriState.CONTAINER_RUNNING)), 'adopt');
  assert.equal(plan({ state: 'running' }, cri(CriState.CONTAINER_EXITED)), 'exited');
  assert.equal(plan({ state: 'running' }, cri(CriState.CONTAINER_UNKNOWN)), 'exited');
  assert.equal(plan({ state: 'running' }), 'lost');
  assert.equal(
    plan({ state: 'running', attempt: 1 }, cri(CriState.CONTAINER_RUNNING, 0)),
    'lost',
    'of an earlier attempt',
  );
});

test('what was paused', () => {
  assert.equal(plan({ state: 'paused' }, cri(CriState.CONTAINER_RUNNING)), 'adopt');
  assert.equal(plan({ state: 'paused' }, cri(CriState.CONTAINER_EXITED)), 'exited');
  assert.equal(plan({ state: 'paused' }), 'lost');
});

test('what was being started', () => {
  assert.equal(plan({ state: 'starting' }, cri(CriState.CONTAINER_RUNNING)), 'adopt');
  assert.equal(plan({ state: 'starting' }, cri(CriState.CONTAINER_EXITED)), 'exited');
  assert.equal(plan({ state: 'starting' }, cri(CriState.CONTAINER_CREATED)), 'rollback');
  assert.equal(plan({ state: 'starting' }), 'rollback');
  assert.equal(plan({ state: 'starting', spec: sampleSpec({ autoRemove: true }) }), 'remove');
});

test('what was not running', () => {
  assert.equal(plan({ state: 'created' }), 'keep');
  assert.equal(plan({ state: 'created', spec: policy('always'), startedAt: 0n }), 'keep');
  assert.equal(plan({ state: 'exited' }), 'keep');
  assert.equal(plan({ state: 'exited', manualStop: true, spec: policy('always') }), 'restart');
  assert.equal(plan({ state: 'exited', manualStop: true, spec: policy('unless-stopped') }), 'keep');
  assert.equal(plan({ state: 'exited', spec: policy('unless-stopped') }), 'restart');
  assert.equal(plan({ state: 'exited', exitCode: 0, spec: policy('on-failure') }), 'keep');
  assert.equal(plan({ state: 'restarting', spec: policy('always') }), 'restart');
  assert.equal(plan({ state: 'exited', spec: sampleSpec({ autoRemove: true }) }), 'remove');
});

test('what is being restarted by hand is kept, whatever else would become of it', () => {
  const asked = { restartAsked: {}, spec: sampleSpec({ autoRemove: true }) };
  assert.equal(plan({ ...asked, state: 'exited' }), 'keep');
  assert.equal(plan({ ...asked, state: 'created' }), 'keep');
  assert.equal(plan({ ...asked, state: 'starting' }), 'rollback');
  assert.equal(plan({ ...asked, state: 'running' }, cri(CriState.CONTAINER_EXITED)), 'exited');
  assert.equal(plan({ restartAsked: {}, state: 'restarting', spec: policy('always') }), 'keep');
});
