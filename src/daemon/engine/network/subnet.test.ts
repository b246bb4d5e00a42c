import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../../api/errors.ts';
import { formatIpv4Network, ipv4Network, parseIpv4 } from '../../../host/netlink/ipv4.ts';
import { chooseFreeSubnet, parseBridgeCidr, refuseCollision, type UsedNetwork } from './subnet.ts';

function used(...networks: readonly string[]): UsedNetwork[] {
  return networks.map((text) => {
    const [address = '', prefix = ''] = text.split('/');
    return { linkIndex: 2, network: ipv4Network(parseIpv4(address) ?? 0, Number(prefix)), use: `the route to ${text}` };
  });
}

const chosen = (...networks: string[]): string => formatIpv4Network(chooseFreeSubnet(used(...networks)).network);

test('the first candidate is nobody’s default', () => {
  assert.equal(chosen(), '10.91.0.0/16');
  assert.equal(chooseFreeSubnet([]).gateway, '10.91.0.1');
  assert.equal(
    chosen('10.88.0.0/16', '172.17.0.0/16', '10.42.0.0/16', '10.96.0.0/12', '10.244.0.0/16'),
    '10.91.0.0/16',
  );
});

test('used candidates are passed over, whether the use is larger or smaller', () => {
  assert.equal(chosen('10.91.4.0/24'), '10.92.0.0/16');
  assert.equal(chosen('10.88.0.0/13'), '10.112.0.0/16');
  assert.equal(chosen('10.0.0.0/8'), '172.30.0.0/16');
  assert.equal(chosen('10.0.0.0/8', '172.16.0.0/12'), '192.168.200.0/24');
});

test('a host that routes everything gets a sentence with the way out', () => {
  assert.throws(
    () => chosen('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'),
    (error) => {
      assert.ok(error instanceof K3cError);
      assert.equal(error.code, Code.FAILED_PRECONDITION);
      assert.match(error.hint ?? '', /--bridge-cidr/);
      return true;
    },
  );
});

test('bridge-cidr names the network or the gateway', () => {
  const parse = (text: string): string[] => {
    const { network, gateway } = parseBridgeCidr(text);
    return [formatIpv4Network(network), gateway];
  };
  assert.deepEqual(parse('10.60.0.0/16'), ['10.60.0.0/16', '10.60.0.1']);
  assert.deepEqual(parse('10.60.0.254/24'), ['10.60.0.0/24', '10.60.0.254']);
});

test('bridge-cidr that makes no sense is refused', () => {
  for (const text of [
    '',
    '10.60.0.0',
    '10.60.0.0/',
    '10.60.0.0/7',
    '10.60.0.0/30',
    '10.60.0.0/16/2',
    '10.60.0.300/16',
    'fd00::/64',
    '10.60.0.255/24',
    '10.60.0.0/+16',
  ]) {
    assert.throws(() => parseBridgeCidr(text), { code: Code.INVALID_ARGUMENT }, text);
  }
});

test('a collision names what it collides with', () => {
  const subnet = parseBridgeCidr('10.60.0.0/16');
  refuseCollision(subnet, used('10.61.0.0/16'));
  assert.throws(() => refuseCollision(subnet, used('10.61.0.0/16', '10.60.7.0/24')), {
    code: Code.FAILED_PRECONDITION,
    message: 'the bridge network 10.60.0.0/16 collides with the route to 10.60.7.0/24',
  });
});
