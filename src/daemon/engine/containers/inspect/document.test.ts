import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_RESOURCES } from '../../../state/spec.ts';
import { isoTime } from '../iso-time.ts';
import { sampleRecord, sampleSpec } from '../samples.ts';
import { inspectDocument } from './document.ts';

test('times are RFC 3339 with what is not zero of the fraction', () => {
  assert.equal(isoTime(0n), '0001-01-01T00:00:00Z');
  assert.equal(isoTime(1_790_000_000_000_000_000n), '2026-09-21T14:13:20Z');
  assert.equal(isoTime(1_790_000_000_120_000_001n), '2026-09-21T14:13:20.120000001Z');
});

test('the document has docker names where docker has them', () => {
  const base = sampleRecord();
  const document = inspectDocument({
    apparmor: false,
    record: sampleRecord({
      state: 'running',
      pid: 42,
      ip: '10.9.0.2',
      ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
      spec: sampleSpec({
        ports: [{ hostIp: '', hostPort: 0, containerPort: 80, protocol: 'tcp' }],
        resources: { ...NO_RESOURCES, memoryBytes: 10 },
      }),
      config: {
        ...base.config,
        command: ['nginx', '-g'],
        exposedPorts: ['80/tcp', '443/tcp'],
        mounts: [
          {
            type: 'volume',
            source: '',
            target: '/v',
            readOnly: false,
            propagation: 'rprivate',
            volume: 'abc',
            anonymous: true,
          },
          {
            type: 'bind',
            source: '/h',
            target: '/b',
            readOnly: true,
            propagation: 'rprivate',
            volume: '',
            anonymous: false,
          },
        ],
      },
    }),
    paths: { containers: '/c', volumes: '/vols' },
    bridge: { cidr: '10.9.0.0/16', gateway: '10.9.0.1' },
    snapshotter: 'overlayfs',
    unified: false,
    networks: () => undefined,
    pod: { netns: '/run/netns/x', mac: '02:42:0a:09:00:02' },
    graph: null,
  }) as Record<string, Record<string, unknown>>;
  assert.equal(document['Name'], '/web');
  assert.equal(document['Path'], 'nginx');
  assert.deepEqual(document['Args'], ['-g']);
  assert.deepEqual(
    [document['State']?.['Status'], document['State']?.['Running'], document['State']?.['Pid']],
    ['running', true, 42],
  );
  assert.deepEqual(document['HostConfig']?.['Binds'], ['/h:/b:ro']);
  assert.deepEqual(document['HostConfig']?.['PortBindings'], { '80/tcp': [{ HostIp: '', HostPort: '' }] });
  assert.deepEqual(document['NetworkSettings']?.['Ports'], {
    '443/tcp': null,
    '80/tcp': [
      { HostIp: '0.0.0.0', HostPort: '8080' },
      { HostIp: '::', HostPort: '8080' },
    ],
  });
  const sorted = ['443/tcp', '80/tcp'];
  assert.deepEqual(Object.keys(document['NetworkSettings']?.['Ports'] as object), sorted, 'as Go writes maps');
  assert.deepEqual(Object.keys(document['Config']?.['ExposedPorts'] as object), sorted);
  assert.equal(document['NetworkSettings']?.['IPAddress'], '10.9.0.2');
  assert.equal((document['Mounts'] as unknown as { Source: string }[])[0]?.Source, '/vols/abc/_data');
  assert.deepEqual(document['K3c'], { SandboxId: 's0', ContainerId: 'c0', Attempt: 0, Pod: 'web' });
});
