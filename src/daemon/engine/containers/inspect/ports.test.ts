import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleRecord, sampleSpec } from '../samples.ts';
import { hostConfig } from './host-config.ts';

test('what was asked of host ports: nothing, a number, a range; by name', () => {
  const one = { hostIp: '', protocol: 'tcp' as const };
  const ports = [
    { ...one, hostPort: 0, containerPort: 81 },
    { ...one, hostPort: 8000, containerPort: 80, hostPortEnd: 8010 },
    { ...one, hostPort: 8080, containerPort: 80, hostPortEnd: 0 },
  ];
  const { PortBindings } = hostConfig(sampleRecord({ spec: sampleSpec({ ports }) }), false);
  assert.equal(
    JSON.stringify(PortBindings),
    '{"80/tcp":[{"HostIp":"","HostPort":"8000-8010"},{"HostIp":"","HostPort":"8080"}],"81/tcp":[{"HostIp":"","HostPort":""}]}',
  );
});
