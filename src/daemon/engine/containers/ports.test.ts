import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpec } from '../../state/spec.ts';
import { portsToPublish } from './ports.ts';

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
