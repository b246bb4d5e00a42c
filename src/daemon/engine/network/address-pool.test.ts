import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4Network, parseIpv4 } from '../../../host/netlink/ipv4.ts';
import { parseIpv6Network } from '../../../host/netlink/ipv6.ts';
import { AddressPool } from './address-pool.ts';
import { ipv4Space, ipv6Space } from './address-space.ts';

const net = (address: string, prefix: number) => ipv4Network(parseIpv4(address) ?? 0, prefix);
const pool = () => new AddressPool(ipv4Space({ subnet: net('10.0.0.0', 29), gateway: '10.0.0.1' }), 'lan');

test('every host of the subnet but the gateway is given once, and an address rests before it is given again', () => {
  const addresses = pool();
  const given = ['a', 'b', 'c', 'd', 'e'].map((owner) => addresses.take(owner));
  assert.deepEqual(given, ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.throws(() => addresses.take('f'), { reason: 'no-address' });
  addresses.free('a');
  addresses.free('c');
  assert.equal(addresses.take('f'), '10.0.0.2');
  addresses.free('f');
  assert.equal(addresses.take('g'), '10.0.0.4');
});

test('an address that is asked for', () => {
  const addresses = pool();
  addresses.claim('a', '10.0.0.5');
  addresses.claim('a', '10.0.0.5');
  assert.throws(() => addresses.claim('b', '10.0.0.5'), /Address already in use: 10.0.0.5/);
  for (const wrong of ['10.0.0.0', '10.0.0.7', '10.0.0.8', '10.1.0.2', 'x'])
    assert.throws(() => addresses.claim('b', wrong), { reason: 'bad-input' }, wrong);
  assert.throws(() => addresses.claim('b', '10.0.0.1'), { reason: 'address-in-use' });
  addresses.free('a');
  addresses.claim('b', '10.0.0.5');
  assert.equal(addresses.size, 1);
});

test('what nobody asks for comes from the range', () => {
  const addresses = new AddressPool(
    ipv4Space({ subnet: net('10.0.0.0', 24), gateway: '10.0.0.129', range: net('10.0.0.128', 30) }),
    'lan',
  );
  assert.deepEqual(
    ['a', 'b', 'c'].map((owner) => addresses.take(owner)),
    ['10.0.0.128', '10.0.0.130', '10.0.0.131'],
  );
  assert.throws(() => addresses.take('d'), { reason: 'no-address' });
  addresses.claim('d', '10.0.0.5');
});

test('of IPv6 the one at the same place is taken where it is free, and the last address is one like the others', () => {
  const subnet = parseIpv6Network('fd00:62::/125');
  assert.ok(subnet);
  const addresses = new AddressPool(ipv6Space({ subnet, gateway: 'fd00:62::1' }), 'lan');
  assert.equal(addresses.take('a', 5n), 'fd00:62::5');
  assert.equal(addresses.take('b', 5n), 'fd00:62::6');
  assert.equal(addresses.take('c', 1n), 'fd00:62::7');
  assert.equal(addresses.take('d', 99n), 'fd00:62::2');
  addresses.claim('e', 'FD00:62:0::3');
  assert.throws(() => addresses.claim('f', 'fd00:62::3'), { reason: 'address-in-use' });
  for (const wrong of ['fd00:62::', 'fd00:62::8', '10.0.0.2', 'fe80::2%eth0'])
    assert.throws(() => addresses.claim('f', wrong), { reason: 'bad-input' }, wrong);
  assert.equal(addresses.take('f'), 'fd00:62::4');
  assert.throws(() => addresses.take('g'), /no available IPv6 addresses on network lan/);
  assert.equal(pool().placeOf('10.0.0.5'), 5n);
});
