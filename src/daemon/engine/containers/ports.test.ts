import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpec } from '../../state/spec.ts';
import { boundPorts, portsToPublish, toldExposed, toldPorts } from './ports.ts';
import { sampleRecord } from './samples.ts';

test('-P adds what is exposed and not published by number', () => {
  const asked: PortSpec[] = [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
  const config = { exposedPorts: ['80/tcp', '53/udp', '443/tcp'] };
  assert.deepEqual(portsToPublish(asked, config, false), asked);
  assert.deepEqual(
    portsToPublish(asked, config, true).map(({ hostPort, containerPort, protocol }) => [
      hostPort,
      containerPort,
      protocol,
    ]),
    [
      [8080, 80, 'tcp'],
      [0, 53, 'udp'],
      [0, 443, 'tcp'],
    ],
  );
});

test('a port on all addresses is told for both families, where the host has both', () => {
  const one = { hostPort: 8080, containerPort: 80, protocol: 'tcp' as const };
  const told = (port: Pick<PortSpec, 'hostIp' | 'ipv4Only'>) => boundPorts([{ ...one, ...port }]);
  assert.deepEqual(told({ hostIp: '' }), [
    { ...one, hostIp: '0.0.0.0' },
    { ...one, hostIp: '::' },
  ]);
  assert.deepEqual(told({ hostIp: '', ipv4Only: true }), [{ ...one, hostIp: '0.0.0.0' }]);
  for (const hostIp of ['0.0.0.0', '127.0.0.1', '::1']) assert.deepEqual(told({ hostIp }), [{ ...one, hostIp }]);
});

test('-P refuses what can be exposed only', () => {
  const config = { exposedPorts: ['80/tcp', '9/sctp'] };
  assert.deepEqual(portsToPublish([], config, false), []);
  assert.throws(() => portsToPublish([], config, true), /cannot publish 9\/sctp: k3c publishes tcp and udp/);
});

test('a container without a network of its own tells of no ports, published or exposed', () => {
  const ports: PortSpec[] = [{ hostIp: '127.0.0.1', hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
  const record = sampleRecord({ ports });
  const exposing = { ...record, config: { ...record.config, exposedPorts: ['80/tcp'] } };
  assert.deepEqual([toldPorts(exposing), toldExposed(exposing)], [ports, ['80/tcp']]);
  const { spec } = record;
  const left = { ...exposing, spec: { ...spec, network: { ...spec.network, leftDefault: true } } };
  assert.deepEqual([toldPorts(left), toldExposed(left)], [[], []]);
  for (const networkMode of ['host', 'none'])
    assert.deepEqual(toldExposed({ ...exposing, spec: { ...spec, networkMode } }), [], networkMode);
});
