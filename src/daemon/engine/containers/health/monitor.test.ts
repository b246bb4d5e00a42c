import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { HealthReport, ProbeResult } from '../../../state/health.ts';
import type { HealthCheck } from './check.ts';
import { afterProbe, HealthMonitor } from './monitor.ts';

const ms = 1e6;
const fresh: HealthReport = { status: 'starting', failingStreak: 0, results: [] };
const check: HealthCheck = {
  command: ['true'],
  interval: 1000 * ms,
  timeout: 1000 * ms,
  startPeriod: 0,
  startInterval: 100 * ms,
  retries: 3,
};

const result = (exitCode: number, atMs = 0): ProbeResult => ({
  start: BigInt(atMs * ms),
  end: BigInt(atMs * ms),
  exitCode,
  output: '',
});

describe('what results come to', () => {
  /** Statuses and streaks after results at some milliseconds since the start. */
  function statuses(rules: { retries: number; startPeriod: number }, ...results: ProbeResult[]): string {
    let report = fresh;
    return results
      .map((each) => {
        report = afterProbe(report, each, rules, 0n);
        return `${report.status} ${report.failingStreak}`;
      })
      .join(', ');
  }

  test('failures count up to retries, a success ends them', () => {
    assert.equal(
      statuses({ retries: 2, startPeriod: 0 }, result(1), result(1), result(-1), result(0), result(1), result(7)),
      'starting 1, unhealthy 2, unhealthy 3, healthy 0, healthy 1, unhealthy 2',
    );
  });

  test('in the start period failures do not count, until the first success', () => {
    const rules = { retries: 1, startPeriod: 1000 * ms };
    assert.equal(
      statuses(rules, result(1, 10), result(1, 999), result(1, 1000)),
      'starting 0, starting 0, unhealthy 1',
    );
    assert.equal(statuses(rules, result(0, 10), result(1, 20)), 'healthy 0, unhealthy 1');
  });

  test('the last five are kept', () => {
    let report = fresh;
    for (let i = 1; i <= 7; i++) report = afterProbe(report, result(i), check, 0n);
    assert.deepEqual(
      report.results.map(({ exitCode }) => exitCode),
      [3, 4, 5, 6, 7],
    );
  });
});

describe('when it is run', () => {
  function rig(t: TestContext, over: Partial<HealthCheck> = {}, answers: (ProbeResult | undefined)[] = []) {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
    const begun: number[] = [];
    const told: string[] = [];
    let pending: ((result: ProbeResult | undefined) => void) | undefined;
    let hold = false;
    const signals: AbortSignal[] = [];
    const monitor = new HealthMonitor({
      check: { ...check, ...over },
      startedAt: 0n,
      report: fresh,
      now: () => BigInt(Date.now()) * 1_000_000n,
      probe: (signal) => {
        begun.push(Date.now());
        signals.push(signal);
        if (!hold) return Promise.resolve(answers.length > 0 ? answers.shift() : result(0));
        return new Promise((resolve) => {
          pending = resolve;
        });
      },
      onResult: (now, before) => void told.push(`${before.status}>${now.status}`),
    });
    /** Lets time go by, and what was due be done. */
    const pass = async (milliseconds: number) => {
      for (let i = 0; i < milliseconds; i += 50) {
        for (let turn = 0; turn < 10; turn++) await Promise.resolve();
        t.mock.timers.tick(50);
        for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      }
    };
    return {
      monitor,
      begun,
      told,
      signals,
      pass,
      holdProbes: (on: boolean) => {
        hold = on;
      },
      answer: (value: ProbeResult | undefined) => pending?.(value),
    };
  }

  test('first after an interval, then an interval after each end', async (t) => {
    const { monitor, begun, told, pass } = rig(t);
    monitor.start();
    monitor.start();
    await pass(3500);
    assert.deepEqual(begun, [1000, 2000, 3000]);
    assert.deepEqual(told, ['starting>healthy', 'healthy>healthy', 'healthy>healthy']);
    await monitor.stop();
    await pass(5000);
    assert.equal(begun.length, 3);
  });

  test('a slow one never overlaps with the next', async (t) => {
    const { monitor, begun, pass, holdProbes, answer } = rig(t);
    holdProbes(true);
    monitor.start();
    await pass(5000);
    assert.deepEqual(begun, [1000]);
    answer(result(0));
    await pass(1500);
    assert.deepEqual(begun, [1000, 6000]);
  });

  test('the start interval counts while it is starting and the start period lasts', async (t) => {
    const failing = Array.from({ length: 3 }, () => result(1));
    const { monitor, begun, pass } = rig(t, { startPeriod: 10_000 * ms }, [...failing, result(0)]);
    monitor.start();
    await pass(2000);
    assert.deepEqual(begun, [100, 200, 300, 400, 1400]);
  });

  test('the start interval ends with the start period', async (t) => {
    const { monitor, begun, pass } = rig(
      t,
      { startPeriod: 250 * ms },
      Array.from({ length: 9 }, () => result(1)),
    );
    monitor.start();
    await pass(2500);
    assert.deepEqual(begun, [100, 200, 300, 1300, 2300]);
  });

  test('a stop ends the probe under way, whose result does not count; a start waits for its end', async (t) => {
    const { monitor, begun, told, signals, pass, holdProbes, answer } = rig(t);
    holdProbes(true);
    monitor.start();
    await pass(1000);
    let stopped = false;
    void monitor.stopUnhealthy().then(() => {
      stopped = true;
    });
    assert.equal(signals[0]?.aborted, true);
    assert.equal(monitor.report.status, 'unhealthy');
    monitor.start();
    await pass(3000);
    assert.deepEqual([stopped, begun], [false, [1000]]);
    answer(result(0));
    holdProbes(false);
    await pass(1000);
    assert.deepEqual([stopped, begun, told], [true, [1000, 5000], ['unhealthy>healthy']]);
  });

  test('a probe that learned nothing changes nothing', async (t) => {
    const { monitor, begun, told, pass } = rig(t, {}, [undefined, result(1)]);
    monitor.start();
    await pass(2000);
    assert.deepEqual([begun, told], [[1000, 2000], ['starting>starting']]);
  });
});
