import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OciSpec } from '../oci-spec.ts';
import { sampleRecord } from '../samples.ts';
import { patchScope } from './systemd-scope.ts';

const cri = { 'io.kubernetes.cri.container-type': 'container' };
const timeout = 'org.systemd.property.TimeoutStopUSec';

function annotations(stopTimeout: number | null, stopSignal: string, given = {}): Record<string, string> | undefined {
  const oci: OciSpec = {
    process: { args: ['sh'], cwd: '/', user: { uid: 0, gid: 0 } },
    mounts: [],
    linux: {},
    annotations: { ...given, ...cri },
  };
  const { spec, config } = sampleRecord({});
  patchScope(oci, { spec: { ...spec, stopTimeout }, config: { ...config, stopSignal } });
  return oci.annotations;
}

test('a scope is stopped as docker stops a container', () => {
  assert.deepEqual(annotations(null, 'SIGTERM'), { ...cri, [timeout]: 'uint64 10000000' });
  assert.deepEqual(annotations(3, 'QUIT'), {
    ...cri,
    [timeout]: 'uint64 3000000',
    'org.systemd.property.KillSignal': 'int32 3',
  });
});

test('for ever, and at once', () => {
  assert.deepEqual(annotations(-1, '15'), { ...cri, [timeout]: 'uint64 18446744073709551615' });
  assert.deepEqual(annotations(0, 'TERM'), { ...cri, [timeout]: 'uint64 1' });
});

test('what the user says of the scope counts', () => {
  const given = { [timeout]: 'uint64 7' };
  assert.deepEqual(annotations(3, 'TERM', given), { ...cri, ...given });
});
