import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseExpose, parsePublish } from './ports.ts';

const port = (hostIp: string, hostPort: number, containerPort: number, protocol = 'tcp', hostPortEnd = 0) => ({
  hostPortEnd,
  hostIp,
  hostPort,
  containerPort,
  protocol,
});

describe('-p', () => {
  const cases: [string, object[]][] = [
    ['80', [port('', 0, 80)]],
    ['8080:80', [port('', 8080, 80)]],
    ['8080:80/udp', [port('', 8080, 80, 'udp')]],
    ['8080:80/TCP', [port('', 8080, 80)]],
    ['127.0.0.1:8080:80', [port('127.0.0.1', 8080, 80)]],
    ['127.0.0.1::80', [port('127.0.0.1', 0, 80)]],
    [':80', [port('', 0, 80)]],
    ['[::1]:8080:80', [port('::1', 8080, 80)]],
    ['[::1]::80/udp', [port('::1', 0, 80, 'udp')]],
    ['::1:8080:80', [port('::1', 8080, 80)]],
    ['8000-8002:9000-9002', [port('', 8000, 9000), port('', 8001, 9001), port('', 8002, 9002)]],
    ['9000-9001', [port('', 0, 9000), port('', 0, 9001)]],
    ['0:80', [port('', 0, 80)]],
    ['8000-9000:80', [port('', 8000, 80, 'tcp', 9000)]],
  ];
  for (const [text, expected] of cases) test(text, () => assert.deepEqual(parsePublish(text), expected));
});

describe('-p refuses', () => {
  const cases: [string, string][] = [
    ['99999:1', 'invalid hostPort: 99999'],
    ['1:99999', 'invalid containerPort: 99999'],
    ['x', 'invalid containerPort: x'],
    ['0', 'invalid containerPort: 0'],
    ['9001-9000', 'invalid containerPort: 9001-9000'],
    ['80/foo', 'invalid proto: foo'],
    ['8080:80/sctp', 'cannot publish 8080:80/sctp: k3c publishes tcp and udp, not sctp'],
    ['1.2.3:80:80', 'invalid IP address: 1.2.3'],
    ['8000-8001:9000-9002', 'invalid ranges specified for container and host Ports: 9000-9002 and 8000-8001'],
    ['', 'no port specified: <empty>'],
  ];
  for (const [text, message] of cases) test(text, () => assert.throws(() => parsePublish(text), { message }));
});

test('--expose takes ports, ranges and protocols, and no host part', () => {
  assert.deepEqual(parseExpose('80'), ['80/tcp']);
  assert.deepEqual(parseExpose('53-54/udp'), ['53/udp', '54/udp']);
  assert.deepEqual(parseExpose('9/sctp'), ['9/sctp']);
  assert.throws(() => parseExpose('80:80'), { message: 'invalid port format for --expose: 80:80' });
  assert.throws(() => parseExpose('80/x'), {
    message: 'invalid range format for --expose: 80/x, error: invalid proto: x',
  });
});
