import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HealthSpec } from '../../../state/spec.ts';
import { sampleRecord } from '../samples.ts';
import { checkHealth, healthCheckOf, healthcheckDocument, mergeHealth } from './check.ts';

const none: HealthSpec = { test: [], interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };

describe('merging with the image', () => {
  test('who says nothing leaves it to the other', () => {
    assert.equal(mergeHealth(null, undefined), undefined);
    assert.equal(mergeHealth(null, null), undefined);
    assert.deepEqual(mergeHealth(null, { Test: ['CMD', 'true'], Interval: 5e9, Retries: 2 }), {
      ...none,
      test: ['CMD', 'true'],
      interval: 5e9,
      retries: 2,
    });
    assert.deepEqual(mergeHealth({ ...none, retries: 4 }, undefined), { ...none, retries: 4 });
  });

  test('field by field, the user first', () => {
    const image = { Test: ['CMD', 'a'], Interval: 1e9, Timeout: 2e9, StartPeriod: 3e9, StartInterval: 4e9, Retries: 5 };
    assert.deepEqual(mergeHealth({ ...none, test: ['CMD-SHELL', 'b'], timeout: 9e9 }, image), {
      test: ['CMD-SHELL', 'b'],
      interval: 1e9,
      timeout: 9e9,
      startPeriod: 3e9,
      startInterval: 4e9,
      retries: 5,
    });
    assert.deepEqual(mergeHealth({ ...none, test: ['NONE'] }, image)?.test, ['NONE']);
  });
});

describe('what is run', () => {
  const of = (test: readonly string[], shell?: readonly string[]) =>
    healthCheckOf({
      ...sampleRecord().config,
      health: { ...none, test },
      ...(shell === undefined ? {} : { shell }),
    })?.command;

  test('by kind', () => {
    assert.deepEqual(of(['CMD', 'curl', '-f', 'x']), ['curl', '-f', 'x']);
    assert.deepEqual(of(['CMD-SHELL', 'a | b']), ['/bin/sh', '-c', 'a | b']);
    assert.deepEqual(of(['CMD-SHELL', 'a'], ['/bin/bash', '-ec']), ['/bin/bash', '-ec', 'a']);
    for (const nothing of [['NONE'], [], ['CMD'], ['HTTP', 'x']]) assert.equal(of(nothing), undefined);
    assert.equal(healthCheckOf(sampleRecord().config), undefined);
  });

  test('docker’s defaults', () => {
    assert.deepEqual(healthCheckOf({ ...sampleRecord().config, health: { ...none, test: ['CMD', 'a'] } }), {
      command: ['a'],
      interval: 30e9,
      timeout: 30e9,
      startPeriod: 0,
      startInterval: 5e9,
      retries: 3,
    });
  });
});

test('what is too short is refused in docker’s words', () => {
  checkHealth(null);
  checkHealth({ ...none, interval: 1e6, timeout: 1e6, startPeriod: 1e6, startInterval: 1e6 });
  const cases: [Partial<HealthSpec>, string][] = [
    [{ interval: 999_999 }, 'Interval in Healthcheck cannot be less than 1ms'],
    [{ timeout: -1 }, 'Timeout in Healthcheck cannot be less than 1ms'],
    [{ startPeriod: 1 }, 'StartPeriod in Healthcheck cannot be less than 1ms'],
    [{ startInterval: 1 }, 'StartInterval in Healthcheck cannot be less than 1ms'],
    [{ retries: -1 }, 'Retries in Healthcheck cannot be negative'],
  ];
  for (const [asked, message] of cases) assert.throws(() => checkHealth({ ...none, ...asked }), { message });
});

test('the document leaves out what was not said', () => {
  assert.deepEqual(healthcheckDocument({ ...none, test: ['NONE'] }), { Test: ['NONE'] });
  assert.deepEqual(
    healthcheckDocument({ ...none, interval: 1, startInterval: 2, startPeriod: 3, timeout: 4, retries: 5 }),
    {
      Interval: 1,
      Timeout: 4,
      StartPeriod: 3,
      StartInterval: 2,
      Retries: 5,
    },
  );
});
