import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pairLayers } from './history.ts';

const sizes = (...args: Parameters<typeof pairLayers>) => pairLayers(...args).map(({ size }) => size);

test('layers belong to the steps that made one, in order', () => {
  const history = [{ created_by: 'ADD' }, { created_by: 'CMD', empty_layer: true }, { created_by: 'RUN' }];
  assert.deepEqual(sizes(history, [10, 20]), [10, 0, 20]);
});

test('a layer without a step, and a step without a layer', () => {
  assert.deepEqual(sizes([], [10, 20]), [10, 20]);
  assert.deepEqual(sizes([{ created_by: 'a' }, { created_by: 'b' }], [10]), [10, 0]);
});
