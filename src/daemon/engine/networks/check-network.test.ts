import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkIpv6Subnet, checkNewNetwork, checkSubnet, MTU_OPTION, mtuOf } from './check-network.ts';

const named = (name: string, over: { driver?: string; options?: Record<string, string>; ipv6?: boolean } = {}) =>
  checkNewNetwork({ name, driver: '', options: {}, ipv6: false, ...over });

test('names, drivers and options that are refused', () => {
  named('lan');
  named('a_b.c-1', { driver: 'bridge', options: { [MTU_OPTION]: '1300' } });
  for (const name of ['', '-a', 'a b', 'a/b']) assert.throws(() => named(name), /invalid network name/, name);
  for (const name of ['bridge', 'host', 'none', 'default', 'container'])
    assert.throws(() => named(name), new RegExp(`predefined ${name} network`));
  assert.throws(() => named('x', { driver: 'macvlan' }), /could not find plugin macvlan/);
  assert.throws(() => named('x', { options: { 'com.docker.network.bridge.name': 'br' } }), /unknown option/);
  for (const mtu of ['', 'x', '67', '65536']) assert.throws(() => named('x', { options: { [MTU_OPTION]: mtu } }), mtu);
  assert.throws(
    () => named('x', { options: { [MTU_OPTION]: '1279' }, ipv6: true }),
    /too small for IPv6, which needs 1280/,
  );
  named('x', { options: { [MTU_OPTION]: '1280' }, ipv6: true });
  assert.deepEqual([mtuOf({}), mtuOf({ [MTU_OPTION]: '1300' })], [0, 1300]);
});

test('a subnet is completed', () => {
  const complete = (subnet: string, gateway = '', ipRange = '') => checkSubnet({ subnet, gateway, ipRange });
  assert.deepEqual(complete('10.1.2.3/24'), { subnet: '10.1.2.0/24', gateway: '10.1.2.1', ipRange: '' });
  assert.deepEqual(complete('10.1.2.0/24', '10.1.2.254', '10.1.2.130/25'), {
    subnet: '10.1.2.0/24',
    gateway: '10.1.2.254',
    ipRange: '10.1.2.128/25',
  });
  const refused: [args: Parameters<typeof complete>, message: RegExp][] = [
    [['10.1.2.0'], /invalid CIDR/],
    [['fd00::/64'], /invalid CIDR/],
    [['10.1.2.0/31'], /from 8 to 30/],
    [['224.0.0.0/8'], /224.0.0.0\/4 is for groups/],
    [['127.9.0.0/16'], /for the host itself/],
    [['0.1.0.0/16'], /for this network/],
    [['10.0.0.0/7'], /from 8 to 30/],
    [['10.1.2.0/24', '10.1.3.1'], /no matching subnet for gateway 10.1.3.1/],
    [['10.1.2.0/24', '10.1.2.0'], /first or the last address/],
    [['10.1.2.0/24', '10.1.2.255'], /first or the last address/],
    [['10.1.2.0/24', '', '10.1.0.0/16'], /no matching subnet for range/],
    [['10.1.2.0/24', '', '10.1.3.0/25'], /no matching subnet for range/],
  ];
  for (const [args, message] of refused) assert.throws(() => complete(...args), message, args.join(' '));
});

test('one of IPv6 is completed', () => {
  const complete = (subnet6: string, gateway6 = '', ipRange6 = '') => checkIpv6Subnet({ subnet6, gateway6, ipRange6 });
  assert.deepEqual(complete('FD00:62::9/64'), { subnet: 'fd00:62::/64', gateway: 'fd00:62::1', ipRange: '' });
  assert.deepEqual(complete('fd00:62::/64', 'fd00:62::ffff', 'fd00:62::1:9/112'), {
    subnet: 'fd00:62::/64',
    gateway: 'fd00:62::ffff',
    ipRange: 'fd00:62::1:0/112',
  });
  const refused: [args: Parameters<typeof complete>, message: RegExp][] = [
    [['fd00:62::'], /invalid CIDR/],
    [['10.0.0.0/8'], /invalid CIDR/],
    [['fd00:62::/127'], /from 16 to 126/],
    [['fc00::/7'], /from 16 to 126/],
    [['fe80::/64'], /fe80::\/10 is for addresses of the link/],
    [['ff12::/64'], /for groups/],
    [['::ffff:10.0.0.0/104'], /for the host itself/],
    [['fd00:62::/64', 'fd00:63::1'], /no matching subnet for gateway fd00:63::1/],
    [['fd00:62::/64', '10.0.0.1'], /no matching subnet for gateway/],
    [['fd00:62::/64', 'fd00:62::'], /the first address of fd00:62::\/64/],
    [['fd00:62::/64', '', 'fd00:62::/48'], /no matching subnet for range/],
  ];
  for (const [args, message] of refused) assert.throws(() => complete(...args), message, args.join(' '));
});
