/** Records for the tests of this room. */
import type { PodRecord } from '../../state/pods.ts';
import { NO_NETWORK, type PodSpec } from '../../state/spec.ts';

export function samplePodSpec(over: Partial<PodSpec> = {}): PodSpec {
  return {
    hostname: '',
    labels: {},
    ports: [],
    networkMode: 'default',
    network: NO_NETWORK,
    sysctls: {},
    sharePid: false,
    cgroupParent: '',
    annotations: {},
    shmSizeBytes: 0,
    ...over,
  };
}

export function samplePod(over: Partial<PodRecord> = {}): PodRecord {
  return {
    id: 'cd'.repeat(32),
    name: 'duo',
    spec: samplePodSpec({ hostname: 'duo' }),
    config: { hostname: 'duo' },
    createdAt: 1000n,
    state: 'created',
    attempt: -1,
    sandboxId: '',
    ports: [],
    ip: '',
    endpoints: [],
    startedAt: 0n,
    ...over,
  };
}
