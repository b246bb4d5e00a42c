import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIpv6Network, parseIpv6Network } from '../../../host/netlink/ipv6.ts';
import { chooseIpv6Subnet } from './subnet-ipv6.ts';

const used = (text: string) => [{ network: parseIpv6Network(text) ?? assert.fail(), use: 'a route' }];

test('a unique local network that the host does not use', () => {
  const drawn = ['aabbccddee0001', '11223344550002'].map((text) => Buffer.from(text, 'hex'));
  const { network, gateway } = chooseIpv6Subnet(used('fdaa:bbcc:ddee::/48'), () => drawn.shift() ?? assert.fail());
  assert.equal(formatIpv6Network(network), 'fd11:2233:4455:2::/64');
  assert.equal(gateway, 'fd11:2233:4455:2::1');
  const [one, other] = [chooseIpv6Subnet([]), chooseIpv6Subnet([])];
  assert.notEqual(one.gateway, other.gateway);
  assert.throws(
    () => chooseIpv6Subnet(used('fc00::/7')),
    /could not find an available, non-overlapping IPv6 address pool/,
  );
});
