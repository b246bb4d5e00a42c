import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNewNetwork, checkSubnet, MTU_OPTION, mtuOf } from './check-network.ts';

const named = (name: string, over: { driver?: string; options?: Record<string, string> } = {}) =>
  checkNewNetwork({ name, driver: '', options: {}, ...over });

test('names, drivers and options that are refused', () => {
  named('lan');
  named('a_b.c-1', { driver: 'bridge', options: { [MTU_OPTION]: '1300' } });
  for (const name of ['', '-a', 'a b', 'a/b']) assert.throws(() => named(name), /invalid network name/, name);
  for (const name of ['bridge', 'host', 'none', 'default', 'container'])
    assert.throws(() => named(name), new RegExp(`predefined ${name} network`));
  assert.throws(() => named('x', { driver: 'macvlan' }), /could not find plugin macvlan/);
  assert.throws(() => named('x', { options: { 'com.docker.network.bridge.name': 'br' } }), /unknown option/);
  for (const mtu of ['', 'x', '67', '65536']) assert.throws(() => named('x', { options: { [MTU_OPTION]: mtu } }), mtu);
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
    [['10.0.0.0/7'], /from 8 to 30/],
    [['10.1.2.0/24', '10.1.3.1'], /no matching subnet for gateway 10.1.3.1/],
    [['10.1.2.0/24', '10.1.2.0'], /first or the last address/],
    [['10.1.2.0/24', '10.1.2.255'], /first or the last address/],
    [['10.1.2.0/24', '', '10.1.0.0/16'], /no matching subnet for range/],
    [['10.1.2.0/24', '', '10.1.3.0/25'], /no matching subnet for range/],
  ];
  for (const [args, message] of refused) assert.throws(() => complete(...args), message, args.join(' '));
});
