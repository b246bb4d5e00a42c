import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openDatabase } from '../../../state/database.ts';
import type { HealthRecord } from '../../../state/health.ts';
import type { EngineContext, LiveContainer } from '../context.ts';
import { stateOf } from '../inspect/state.ts';
import { sampleRecord } from '../samples.ts';
import {
  closeHealth,
  healthReport,
  healthStatus,
  pauseHealth,
  resumeHealth,
  unwatchHealth,
  watchHealth,
} from './health.ts';

const HOUR = 3600e9;
const health = { test: ['CMD', 'x'], interval: HOUR, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };
const record = sampleRecord({ state: 'running', config: { ...sampleRecord().config, health } });
const found: HealthRecord = {
  attempt: 2,
  status: 'healthy',
  failingStreak: 0,
  results: [{ start: 1_795_518_796_790_070_996n, end: 1_795_518_796_800_000_000n, exitCode: 0, output: 'ok\n' }],
};
const live = (attempt: number) => ({ id: record.id, attempt, startedAt: 0n }) as LiveContainer;

function rig(stored?: HealthRecord, of = record) {
  const state = openDatabase(':memory:');
  state.containers.insert(of);
  if (stored !== undefined) state.health.put(of.id, stored);
  const context = { state, health: new Map(), live: new Map(), now: () => 1n } as unknown as EngineContext;
  return { context, state };
}

describe('what is kept', () => {
  test('reads back as it was written, and goes with its container', () => {
    const { state } = rig(found);
    assert.deepEqual(state.health.get(record.id), found);
    state.health.put(record.id, { ...found, status: 'unhealthy', failingStreak: 3 });
    assert.equal(state.health.get(record.id)?.failingStreak, 3);
    state.containers.delete(record.id);
    assert.equal(state.health.get(record.id), undefined);
    state.health.put(record.id, found);
    assert.equal(state.health.get(record.id), undefined);
  });
});

describe('a container’s checks', () => {
  test('without a check there is nothing', () => {
    const { context } = rig(undefined, sampleRecord({ state: 'running' }));
    watchHealth(context, live(0));
    assert.equal(context.health.size, 0);
    assert.equal(healthReport(context, sampleRecord()), undefined);
    assert.equal(healthStatus(context, sampleRecord()), 'none');
  });

  test('a new attempt begins anew, with the results of the one before', async () => {
    const { context } = rig(found);
    watchHealth(context, live(3));
    assert.deepEqual(healthReport(context, record), { status: 'starting', failingStreak: 0, results: found.results });
    await closeHealth(context);
  });

  test('the attempt that was checked already goes on', async () => {
    const { context } = rig(found);
    watchHealth(context, live(2));
    assert.equal(healthStatus(context, record), 'healthy');
    await closeHealth(context);
    assert.equal(context.health.size, 0);
    assert.equal(healthStatus(context, record), 'healthy');
  });

  test('the end leaves it unhealthy, as docker does', () => {
    const { context, state } = rig(found);
    watchHealth(context, live(2));
    unwatchHealth(context, live(2));
    unwatchHealth(context, live(2));
    assert.equal(context.health.size, 0);
    assert.equal(state.health.get(record.id)?.status, 'unhealthy');
    assert.equal(healthStatus(context, record), 'unhealthy');
  });

  test('a pause, and one that was paused when the daemon came', async () => {
    const { context } = rig(found);
    pauseHealth(context, record.id);
    watchHealth(context, live(2));
    pauseHealth(context, record.id);
    assert.equal(healthStatus(context, record), 'unhealthy');
    resumeHealth(context, record.id);
    assert.equal(healthStatus(context, record), 'unhealthy');
    await closeHealth(context);
  });

  test('in inspect', () => {
    assert.deepEqual(stateOf(record, found)['Health'], {
      Status: 'healthy',
      FailingStreak: 0,
      Log: [
        {
          Start: '2026-11-24T11:13:16.790070996Z',
          End: '2026-11-24T11:13:16.8Z',
          ExitCode: 0,
          Output: 'ok\n',
        },
      ],
    });
    assert.equal('Health' in stateOf(record), false);
  });
});
