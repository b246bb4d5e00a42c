import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flow } from '../../../host/netlink/conntrack.ts';
import type { PublishedPort } from './ruleset.ts';
import { flowsPast, flowsTo } from './udp-flows.ts';

const port = (podIp: string, options: Partial<PublishedPort> = {}): PublishedPort => ({
  hostIp: '',
  hostPort: 53,
  containerPort: 5353,
  protocol: 'udp',
  podIp,
  ...options,
});
const flow = (destination: string, destinationPort: number, replySource: string): Flow => ({
  protocol: 17,
  original: { source: '10.0.0.9', sourcePort: 40_000, destination, destinationPort },
  reply: { source: replySource, sourcePort: 5353, destination: '10.0.0.9', destinationPort: 40_000 },
});
const local = (): Set<string> => new Set(['10.0.0.1', '127.0.0.1']);

test('TCP leaves nothing behind', () => {
  assert.equal(flowsPast([port('10.91.0.2', { protocol: 'tcp' })], local), undefined);
  assert.equal(flowsTo([port('10.91.0.2', { protocol: 'tcp' })]), undefined);
});

test('flows past a pod: to the host or to another pod, not to the pod, another port, another host', () => {
  const { matches: past } = flowsPast([port('10.91.0.2')], local) ?? assert.fail();
  assert.ok(past(flow('10.0.0.1', 53, '10.0.0.1')));
  assert.ok(past(flow('127.0.0.1', 53, '10.91.0.3')));
  assert.ok(!past(flow('10.0.0.1', 53, '10.91.0.2')));
  assert.ok(!past(flow('10.0.0.1', 54, '10.0.0.1')));
  assert.ok(!past(flow('9.9.9.9', 53, '9.9.9.9')));
});

test('one port on two addresses: each flow belongs to its own', () => {
  const { matches: past } =
    flowsPast([port('10.91.0.2', { hostIp: '10.0.0.1' }), port('10.91.0.3', { hostIp: '127.0.0.1' })], local) ??
    assert.fail();
  assert.ok(!past(flow('10.0.0.1', 53, '10.91.0.2')));
  assert.ok(past(flow('10.0.0.1', 53, '10.91.0.3')));
});

test('a flow of IPv6 is judged by the address of IPv6 that the pod has', () => {
  const local = new Set(['fd00:99::1']);
  const { matches: past } = flowsPast([port('10.91.0.2'), port('fd00::2')], () => local) ?? assert.fail();
  assert.ok(!past(flow('fd00:99::1', 53, 'fd00::2')));
  assert.ok(past(flow('fd00:99::1', 53, 'fd00::3')));
  // Through the listener, where the pod has no address of IPv6.
  const { matches: proxied } = flowsPast([port('10.91.0.2')], () => local) ?? assert.fail();
  assert.ok(!proxied(flow('fd00:99::1', 53, 'fd00:99::1')));
});

test('flows to a pod that is gone', () => {
  const { matches: to } = flowsTo([port('10.91.0.2')]) ?? assert.fail();
  assert.ok(to(flow('10.0.0.1', 53, '10.91.0.2')));
  assert.ok(!to(flow('10.0.0.1', 53, '10.91.0.3')));
  assert.ok(!to(flow('10.0.0.1', 54, '10.91.0.2')));
});

test('the kernel sorts by the port where there is one', () => {
  assert.deepEqual(flowsTo([port('10.91.0.2')])?.filters, [{ family: 2, protocol: 17, destinationPort: 53 }]);
  assert.deepEqual(flowsTo([port('10.91.0.2'), port('10.91.0.2', { hostPort: 54 })])?.filters, [
    { family: 2, protocol: 17, destinationPort: undefined },
  ]);
  assert.deepEqual(
    flowsTo([port('10.91.0.2'), port('fd00::2')])?.filters.map(({ family, destinationPort }) => [
      family,
      destinationPort,
    ]),
    [
      [2, 53],
      [10, 53],
    ],
  );
});
