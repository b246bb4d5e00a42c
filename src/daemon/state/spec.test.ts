import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeSpec, NO_RESOURCES } from './spec.ts';

test('a row of a daemon that knew two limits reads as that daemon meant it', () => {
  const MB = 1 << 20;
  assert.deepEqual(completeSpec({ image: 'a', memoryBytes: 8 * MB, nanoCpus: 5 }).resources, {
    ...NO_RESOURCES,
    memoryBytes: 8 * MB,
    nanoCpus: 5,
    memorySwapBytes: 16 * MB,
  });
  const stored = { ...NO_RESOURCES, memoryBytes: 8 * MB, memorySwapBytes: -1 };
  assert.deepEqual(completeSpec({ image: 'a', resources: stored }).resources, stored);
});
