import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PortRequest } from '../../api/gen/k3c.ts';
import { displayPorts } from './ports.ts';

function port(text: string): PortRequest {
  const [, hostIp = '', hostPort = '0', containerPort = '', protocol = 'tcp'] =
    /^(?:(.*):)?(?:(\d+)>)?(\d+)\/(\w+)$/.exec(text) ?? [];
  return { hostIp, hostPort: Number(hostPort), containerPort: Number(containerPort), protocol, hostPortEnd: 0 };
}

describe('ports are shown as docker shows them', () => {
  const cases: [published: string[], exposed: string[], expected: string][] = [
    [[], [], ''],
    [['0.0.0.0:8080>80/tcp'], [], '0.0.0.0:8080->80/tcp'],
    [['8080>80/tcp'], [], '0.0.0.0:8080->80/tcp'],
    [['0.0.0.0:8080>80/tcp', ':::8080>80/tcp'], [], '0.0.0.0:8080->80/tcp, :::8080->80/tcp'],
    [['127.0.0.1:80>80/tcp'], [], '127.0.0.1:80->80/tcp'],
    [['::1:8080>80/tcp'], [], '::1:8080->80/tcp'],
    [
      ['9000>9000/tcp', '9001>9001/tcp', '9003>9003/tcp'],
      [],
      '0.0.0.0:9000-9001->9000-9001/tcp, 0.0.0.0:9003->9003/tcp',
    ],
    [[], ['80/tcp', '81/tcp', '90/udp'], '80-81/tcp, 90/udp'],
    [['8080>80/tcp'], ['80/tcp', '443/tcp'], '443/tcp, 0.0.0.0:8080->80/tcp'],
    [['5353>53/udp', '5353>53/tcp'], [], '0.0.0.0:5353->53/tcp, 0.0.0.0:5353->53/udp'],
  ];
  for (const [published, exposed, expected] of cases) {
    test(expected, () => assert.equal(displayPorts(published.map(port), exposed.map(port)), expected));
  }
});
