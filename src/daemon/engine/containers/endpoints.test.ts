import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../state/database.ts';
import { type EndpointRequestSpec, type NetworkSpec, NO_NETWORK } from '../../state/spec.ts';
import { defaultNetworkId } from '../network/predefined.ts';
import { checkNetwork, defaultEndpoint } from './endpoints.ts';

function state() {
  const database = openDatabase(':memory:');
  const six = { subnet: 'fd00:62::/64', gateway: 'fd00:62::1', ipRange: '', configured: true };
  const nets = [
    ['lan', { configured: true, internal: false, ipv6: six }],
    ['free', { configured: false, internal: false }],
    ['inner', { configured: true, internal: true }],
  ] as const;
  for (const [index, [name, config]] of nets.entries())
    database.networks.insert({
      id: String(index).repeat(64),
      name,
      bridge: `k3c-${name}`,
      config: { subnet: `10.${index}.0.0/16`, gateway: `10.${index}.0.1`, ipRange: '', options: {}, ...config },
      labels: {},
      createdAt: BigInt(index),
    });
  return database;
}

const wish = (network: string, over: Partial<EndpointRequestSpec> = {}): EndpointRequestSpec => ({
  network,
  ip: '',
  ip6: '',
  aliases: [],
  macAddress: '',
  ...over,
});
const check = (networkMode: string, network: Partial<NetworkSpec> = {}, ports: boolean = false) =>
  checkNetwork(state(), {
    networkMode,
    network: { ...NO_NETWORK, ...network },
    ports: ports ? [{ hostIp: '', hostPort: 80, containerPort: 80, protocol: 'tcp' }] : [],
    hostname: '',
  });

test('several networks, each with what is asked of it', () => {
  const more = [wish('free', { aliases: ['a', 'a'], macAddress: '02:00:00:00:00:01' }), wish('222222')];
  const { networkMode, endpoints, warnings } = check(
    'lan',
    { ip: '10.0.0.9', ip6: 'fd00:62::9', moreNetworks: more },
    true,
  );
  assert.equal(networkMode, 'lan');
  assert.deepEqual(
    endpoints.map((one) => [one.networkName, one.askedIp, one.askedIp6 ?? '', one.askedMac, one.aliases]),
    [
      ['lan', '10.0.0.9', 'fd00:62::9', '', []],
      ['free', '', '', '02:00:00:00:00:01', ['a']],
      ['inner', '', '', '', []],
    ],
  );
  assert.deepEqual(warnings, []);
  assert.match(check('inner', {}, true).warnings[0] ?? '', /Published ports are discarded/);
});

test('what cannot be had is refused', () => {
  const refused: [mode: string, asked: Partial<NetworkSpec>, message: RegExp][] = [
    ['lan', { moreNetworks: [wish('free'), wish('lan')] }, /network "lan" is specified multiple times/],
    ['lan', { moreNetworks: [wish('none')] }, /cannot attach both user-defined and non-user-defined network-modes/],
    ['container:x', { moreNetworks: [wish('lan')] }, /cannot attach both user-defined and non-user-defined/],
    ['default', { moreNetworks: [wish('lan'), wish('bridge')] }, /network "bridge" is specified multiple times/],
    ['lan', { moreNetworks: [wish('default'), wish('bridge')] }, /network "bridge" is specified multiple times/],
    ['lan', { moreNetworks: [wish('bridge', { ip: '10.0.0.9' })] }, /supported on user defined networks only/],
    ['host', { moreNetworks: [wish('lan')] }, /cannot attach both user-defined and non-user-defined network-modes/],
    ['lan', { moreNetworks: [wish('nowhere')] }, /network nowhere not found/],
    [
      'lan',
      { moreNetworks: [wish('free', { ip: '10.1.0.9' })] },
      /only when connecting to networks with user configured/,
    ],
    ['free', { ip6: 'fd00::9' }, /network free has no IPv6/],
    ['lan', { ip6: '10.0.0.9' }, /invalid IPv6 address: 10.0.0.9/],
    ['default', { ip6: 'fd00::9' }, /user specified IP address is supported on user defined networks only/],
    ['host', { macAddress: '02:00:00:00:00:01' }, /conflicting options: mac-address and the network mode/],
    ['default', { aliases: ['a'] }, /network-scoped alias is supported only for containers in user defined networks/],
  ];
  for (const [mode, asked, message] of refused) assert.throws(() => check(mode, asked), message);
});

test('bridge is one of several networks, first or later', () => {
  const first = check('default', { moreNetworks: [wish('lan')] });
  assert.deepEqual([first.networkMode, first.network.leftDefault], ['default', undefined]);
  assert.deepEqual(
    first.endpoints.map((one) => one.networkName),
    ['lan'],
    'its interface there is made by the plugins',
  );
  const later = check('lan', { moreNetworks: [wish('bridge')] });
  assert.deepEqual([later.networkMode, later.endpoints[1]?.network], ['lan', defaultNetworkId()]);
  const own = check('default', { macAddress: '02:00:00:00:00:01', moreNetworks: [wish('lan')] });
  assert.deepEqual([own.network.leftDefault, ...own.endpoints.map((one) => one.networkName)], [true, 'bridge', 'lan']);
  assert.equal(check(defaultNetworkId()).networkMode, 'default');
});

test('a MAC on the default network: the daemon makes the interface there', () => {
  const { networkMode, network, endpoints } = check('default', { macAddress: '02:00:00:00:00:01' });
  assert.deepEqual([networkMode, network.leftDefault, endpoints.length], ['default', true, 1]);
  assert.deepEqual([endpoints[0]?.network, endpoints[0]?.askedMac], [defaultNetworkId(), '02:00:00:00:00:01']);
  assert.equal(check('default').network.leftDefault, undefined);
  assert.throws(() => defaultEndpoint(wish('bridge', { ip: '10.0.0.1' })), /on user defined networks only/);
});
