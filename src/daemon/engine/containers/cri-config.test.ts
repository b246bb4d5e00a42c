import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NamespaceMode } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { NO_RESOURCES } from '../../state/spec.ts';
import { containerConfig, sandboxConfig } from './cri-config.ts';
import { sampleRecord, sampleSpec } from './samples.ts';
import { prepareSecurity } from './security/cri-security.ts';

const sandbox = (networkMode: 'default' | 'host' | 'none') =>
  sandboxConfig({
    owner: sampleRecord({ spec: sampleSpec({ networkMode }) }),
    attempt: 2,
    annotations: {},
    privileged: false,
    logDirectory: '/logs/x',
    cgroupParent: '/k3c',
    ports: [{ hostIp: '127.0.0.1', hostPort: 8080, containerPort: 80, protocol: 'udp' }],
  });

test('the pod is named for the container and carries its ports', () => {
  const pod = sandbox('default');
  assert.deepEqual(pod.metadata, { name: 'web', uid: 'ab'.repeat(32), namespace: 'k3c', attempt: 2 });
  assert.deepEqual(pod.labels, {
    'k3c.io/id': 'ab'.repeat(32),
    'k3c.io/name': 'web',
    'io.kubernetes.pod.name': 'web',
    'io.kubernetes.pod.namespace': 'k3c',
    'io.kubernetes.pod.uid': 'ab'.repeat(32),
  });
  assert.deepEqual(pod.portMappings, [{ protocol: 1, containerPort: 80, hostPort: 8080, hostIp: '127.0.0.1' }]);
  assert.equal(pod.hostname, 'abababababab');
});

test('host and none are pods on the network of the node, without a hostname', () => {
  for (const mode of ['host', 'none'] as const) {
    assert.equal(sandbox(mode).linux?.securityContext?.namespaceOptions?.network, NamespaceMode.NODE);
    assert.equal(sandbox(mode).hostname, '');
  }
});

test('limits and privileges', async () => {
  const spec = sampleSpec({
    resources: { ...NO_RESOURCES, memoryBytes: 64 << 20, nanoCpus: 1_500_000_000 },
    privileged: true,
    readOnly: true,
  });
  const { linux } = containerConfig({
    record: sampleRecord({ spec }),
    attempt: 0,
    mounts: [],
    args: ['sh'],
    security: await prepareSecurity({ runtimes: new Set() }, spec),
    host: { seccomp: true, apparmor: false },
  });
  assert.deepEqual(linux?.resources, {
    memoryLimitInBytes: 64n << 20n,
    memorySwapLimitInBytes: 0n,
    cpuPeriod: 100_000n,
    cpuQuota: 150_000n,
    cpuShares: 0n,
    cpusetCpus: '',
    cpusetMems: '',
    oomScoreAdj: 0n,
  });
  assert.equal(linux?.securityContext?.privileged, true);
  assert.equal(linux?.securityContext?.readonlyRootfs, true);
  assert.deepEqual(linux?.securityContext?.maskedPaths, []);
  assert.equal(linux?.securityContext?.namespaceOptions?.pid, NamespaceMode.CONTAINER);
});
