import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleOciSpec } from '../samples.ts';
import { cdiConfig, keepCdiEnvironment } from './cdi.ts';

test('nothing is asked of CRI without a name', () => {
  assert.deepEqual(cdiConfig([], ['A=1']), { CDIDevices: [], envs: [] });
});

test('with one CRI gets the whole environment, to be told from what the specification adds', () => {
  assert.deepEqual(cdiConfig(['v.com/c=d'], ['A=1=2', 'B=']), {
    CDIDevices: [{ name: 'v.com/c=d' }],
    envs: [
      { key: 'A', value: Buffer.from('1=2') },
      { key: 'B', value: Buffer.from('') },
    ],
  });
});

test('what the specification added or changed stays', () => {
  const spec = sampleOciSpec();
  keepCdiEnvironment(spec, ['A=1', 'VISIBLE=all', 'B=2'], ['B=2', 'A=1', 'VISIBLE=void', 'NEW=x']);
  assert.deepEqual(spec.process.env, ['A=1', 'B=2', 'VISIBLE=void', 'NEW=x']);
});
