import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleRecord, sampleSpec } from '../samples.ts';
import { runConfig } from './commit.ts';

const unsaid = { test: [], interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };

test('what is committed has the health check and the shell of the image where the user said nothing', () => {
  const { config } = sampleRecord();
  const health = { ...unsaid, test: ['CMD-SHELL', 'true'], interval: 7_000_000_000, retries: 2 };
  const record = sampleRecord({ config: { ...config, health, shell: ['/bin/ash', '-ec'] } });
  const { Healthcheck, Shell } = runConfig(record);
  assert.deepEqual(Healthcheck, { Test: ['CMD-SHELL', 'true'], Interval: 7_000_000_000, Retries: 2 });
  assert.deepEqual(Shell, ['/bin/ash', '-ec']);
});

test('options of a check alone keep the words of the image: what was merged counts, not what was asked', () => {
  const { config } = sampleRecord();
  const record = sampleRecord({
    spec: sampleSpec({ health: { ...unsaid, retries: 9 } }),
    config: { ...config, health: { ...unsaid, test: ['CMD', 'ok'], retries: 9 } },
  });
  assert.deepEqual(runConfig(record).Healthcheck, { Test: ['CMD', 'ok'], Retries: 9 });
});

test('without either there is none of both', () => {
  const committed = runConfig(sampleRecord());
  assert.equal('Healthcheck' in committed, false);
  assert.equal('Shell' in committed, false);
});
