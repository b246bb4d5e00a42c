import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NO_RESOURCES, type ResourceSpec } from '../../../state/spec.ts';
import { sampleSpec } from '../samples.ts';
import { mergeLimits } from './merge-limits.ts';

const merge = (now: Partial<ResourceSpec>, asked: Partial<ResourceSpec>) =>
  mergeLimits(sampleSpec({ resources: { ...NO_RESOURCES, ...now } }), { resources: { ...NO_RESOURCES, ...asked } });

test('what is not asked for stays', () => {
  const now = { ...NO_RESOURCES, memoryBytes: 5, memorySwapBytes: 10, pidsLimit: 7, cpusetCpus: '0', oomScoreAdj: 3 };
  assert.deepEqual(merge(now, {}).resources, now);
  assert.deepEqual(merge(now, { memoryBytes: 6, cpuShares: 9, pidsLimit: 0 }).resources, {
    ...now,
    memoryBytes: 6,
    cpuShares: 9,
    pidsLimit: 0,
  });
  assert.equal(merge(now, { pidsLimit: -1 }).resources.pidsLimit, 0);
  assert.equal(merge({ memoryBytes: 5, memorySwapBytes: -1 }, { memoryBytes: 6 }).resources.memoryBytes, 6);
});

describe('refused', () => {
  const swap =
    'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
  const cases: [now: Partial<ResourceSpec>, asked: Partial<ResourceSpec>, message: string][] = [
    [{ cpuPeriod: 1 }, { nanoCpus: 1 }, 'Nano CPUs cannot be updated as CPU Period has already been set'],
    [{ cpuQuota: 1 }, { nanoCpus: 1 }, 'Nano CPUs cannot be updated as CPU Quota has already been set'],
    [{ nanoCpus: 1 }, { cpuPeriod: 1 }, 'CPU Period cannot be updated as NanoCPUs has already been set'],
    [{ nanoCpus: 1 }, { cpuQuota: 1 }, 'CPU Quota cannot be updated as NanoCPUs has already been set'],
  ];
  for (const [now, asked, message] of cases)
    test(message, () => assert.throws(() => merge(now, asked), { message: `Conflicting options: ${message}` }));
  test('more memory than memory and swap', () => {
    assert.throws(() => merge({ memoryBytes: 5, memorySwapBytes: 10 }, { memoryBytes: 11 }), { message: swap });
    assert.throws(() => merge({}, { memoryBytes: 11 }), { message: swap });
    assert.equal(merge({}, { memoryBytes: 11, memorySwapBytes: 22 }).resources.memorySwapBytes, 22);
  });
});

test('a restart policy', () => {
  const always = { resources: NO_RESOURCES, restart: { name: 'always', maximumRetryCount: 0 } } as const;
  assert.equal(mergeLimits(sampleSpec(), always).restart.name, 'always');
  assert.equal(
    mergeLimits(sampleSpec({ restart: always.restart }), { resources: NO_RESOURCES }).restart.name,
    'always',
  );
  assert.throws(() => mergeLimits(sampleSpec({ autoRemove: true }), always), {
    message: 'Restart policy cannot be updated because AutoRemove is enabled for the container',
  });
});
