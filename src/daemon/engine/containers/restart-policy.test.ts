import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextDelay, wantsRestart } from './restart-policy.ts';

const ended = (
  name: 'no' | 'always' | 'unless-stopped' | 'on-failure',
  over: Partial<Parameters<typeof wantsRestart>[0]> & { max?: number } = {},
) => ({
  policy: { name, maximumRetryCount: over.max ?? 0 },
  exitCode: over.exitCode ?? 0,
  manualStop: over.manualStop ?? false,
  restartCount: over.restartCount ?? 0,
});

test('which exits are followed by a restart', () => {
  assert.equal(wantsRestart(ended('no', { exitCode: 1 })), false);
  assert.equal(wantsRestart(ended('always')), true);
  assert.equal(wantsRestart(ended('always', { manualStop: true })), false);
  assert.equal(wantsRestart(ended('unless-stopped')), true);
  assert.equal(wantsRestart(ended('unless-stopped', { manualStop: true })), false);
  assert.equal(wantsRestart(ended('on-failure')), false);
  assert.equal(wantsRestart(ended('on-failure', { exitCode: 1, restartCount: 99 })), true);
  assert.equal(wantsRestart(ended('on-failure', { exitCode: 1, max: 2, restartCount: 1 })), true);
  assert.equal(wantsRestart(ended('on-failure', { exitCode: 1, max: 2, restartCount: 2 })), false);
  assert.equal(wantsRestart(ended('on-failure', { exitCode: 1, manualStop: true })), false);
});

test('at the start of the daemon always means always', () => {
  assert.equal(wantsRestart(ended('always', { manualStop: true }), true), true);
  assert.equal(wantsRestart(ended('unless-stopped', { manualStop: true }), true), false);
});

test('the delay doubles to a minute, and starts over after ten seconds up', () => {
  let delay = 0;
  const delays: number[] = [];
  for (let i = 0; i < 12; i++) {
    delay = nextDelay(delay, 5);
    delays.push(delay);
  }
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  assert.equal(nextDelay(60_000, 9999), 60_000);
  assert.equal(nextDelay(60_000, 10_000), 100);
});
