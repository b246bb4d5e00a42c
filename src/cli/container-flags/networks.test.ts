import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetwork } from '../flags/networks.ts';
import { toNetworks } from './networks.ts';

const networks = (texts: readonly string[], flags: Parameters<typeof toNetworks>[1] = {}) =>
  toNetworks(texts.map(parseNetwork), flags);

test('the first network has what the flags say, the others what they say themselves', () => {
  assert.equal(toNetworks(undefined, {}).networkMode, 'default');
  assert.equal(networks(['bridge']).networkMode, 'default');
  const { networkMode, network } = networks(
    ['name=lan,alias=b', 'name=far,ip=10.1.0.2,mac-address=02:00:00:00:00:01', 'near'],
    {
      ip: '10.0.0.2',
      ip6: 'fd00::2',
    },
  );
  assert.equal(networkMode, 'lan');
  assert.deepEqual([network.ip, network.ip6, network.aliases], ['10.0.0.2', 'fd00::2', ['b']]);
  const nothing = { ip: '', ip6: '', aliases: [], macAddress: '' };
  assert.deepEqual(network.moreNetworks, [
    { ...nothing, network: 'far', ip: '10.1.0.2', macAddress: '02:00:00:00:00:01' },
    { ...nothing, network: 'near' },
  ]);
});

test('what is said twice is refused in docker’s words', () => {
  assert.throws(() => networks(['name=lan,ip=10.0.0.2'], { ip: '10.0.0.3' }), {
    message: 'conflicting options: cannot specify both --ip and per-network IPv4 address',
  });
  assert.throws(
    () => networks(['name=lan,alias=a'], { networkAlias: ['b'] }),
    /both --network-alias and per-network alias/,
  );
});
