import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv6Network } from '../../../host/netlink/ipv6.ts';
import { Family } from '../../../host/netlink/nftables.ts';
import type { Bridge } from './bridge.ts';
import { familiesOf, type PublishedPort, portElements, ruleCount, rulesetRequests, tableOf } from './ruleset.ts';
import { parseBridgeCidr } from './subnet.ts';

const bridge: Bridge = { name: 'k3c0', subnet: parseBridgeCidr('10.91.0.0/16'), mtu: 1400, index: 5 };
const port = (hostIp: string, protocol: 'tcp' | 'udp' = 'tcp'): PublishedPort => ({
  hostIp,
  hostPort: 8080,
  containerPort: 80,
  protocol,
  podIp: '10.91.0.2',
});

const v4 = { family: Family.IPV4 };

test('each bridge has its table, the default one the plain name', () => {
  assert.deepEqual(tableOf('k3c0'), { family: Family.IPV4, table: 'k3c' });
  assert.deepEqual(tableOf('k3c-two'), { family: Family.IPV4, table: 'k3c_k3c-two' });
});

test('a port is an element of the map for its address; IPv6 has none', () => {
  const hex = (elements: readonly { key: Buffer; value?: Buffer }[]): string[][] =>
    elements.map(({ key, value }) => [key.toString('hex'), value?.toString('hex') ?? '']);
  const { one, any } = portElements([port(''), port('0.0.0.0', 'udp'), port('127.0.0.1'), port('::1')]);
  assert.deepEqual(hex(any), [
    ['060000001f900000', '0a5b000200500000'],
    ['110000001f900000', '0a5b000200500000'],
  ]);
  assert.deepEqual(hex(one), [['7f000001060000001f900000', '0a5b000200500000']]);
});

test('the table is replaced: made, removed and made again, then filled', () => {
  const input = { bridges: [bridge], ports: [port('')], loopback: true };
  const operations = rulesetRequests(tableOf('k3c0'), input).map(({ operation }) => operation);
  assert.deepEqual(operations.slice(0, 3), ['add table k3c', 'delete table k3c', 'add table k3c']);
  assert.equal(operations.at(-1), 'add elements to k3c any');
  assert.equal(operations.filter((operation) => operation.startsWith('add rule')).length, ruleCount(v4, input));
});

test('addresses of IPv6 have a table of their own, in which the other bridges forward nothing', () => {
  const v6 = { family: Family.IPV6 };
  const address = 'fd00:62::2';
  const hex = (elements: readonly { key: Buffer; value?: Buffer }[]): string[][] =>
    elements.map(({ key, value }) => [key.toString('hex'), value?.toString('hex') ?? '']);
  const ports = ['', '::', '0.0.0.0', '127.0.0.1', 'fd00:99::1'].map((hostIp) => ({ ...port(hostIp), podIp: address }));
  const { one, any } = portElements([...ports, port('')], Family.IPV6);
  const pod = 'fd000062000000000000000000000002';
  assert.deepEqual(hex(any), Array(2).fill(['060000001f900000', `${pod}00500000`]));
  assert.deepEqual(hex(one), [['fd000099000000000000000000000001060000001f900000', `${pod}00500000`]]);
  assert.deepEqual(portElements(ports).any, [], 'none of them is of IPv4');

  const network = parseIpv6Network('fd00:62::/64') ?? assert.fail();
  const six: Bridge = { ...bridge, name: 'k3c-six', ipv6: { network, gateway: 'fd00:62::1' } };
  const input = (...bridges: Bridge[]) => ({ bridges, ports: [], loopback: true });
  assert.deepEqual(familiesOf(input(bridge)), [Family.IPV4]);
  assert.deepEqual(familiesOf(input(bridge, six)), [Family.IPV4, Family.IPV6]);
  assert.equal(ruleCount(v6, input(six, bridge)) - ruleCount(v6, input(six)), 2, 'a bridge without: two that drop');
  assert.equal(ruleCount(v6, input(six, { ...six, internal: true })) - ruleCount(v6, input(six)), 2);
});

test('every bridge has its rules, and a loopback that must not be used has one more', () => {
  const one = ruleCount(v4, { bridges: [bridge], ports: [], loopback: true });
  const two = ruleCount(v4, { bridges: [bridge, { ...bridge, name: 'k3c1' }], ports: [], loopback: true });
  assert.equal(two - one, 8);
  assert.equal(ruleCount(v4, { bridges: [bridge], ports: [], loopback: false }), one + 1);
});
