import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetwork } from './networks.ts';

const nothing = { ip: '', ip6: '', aliases: [], macAddress: '' };

test('a name, or pairs', () => {
  for (const name of ['lan', 'host', 'container:web', 'a_b.c-1'])
    assert.deepEqual(parseNetwork(name), { ...nothing, network: name });
  assert.deepEqual(parseNetwork('name=lan,alias=A,alias=b,ip=10.1.0.2,ip6=fd00::2,mac-address=02-00-00-00-00-01'), {
    network: 'lan',
    aliases: ['A', 'b'],
    ip: '10.1.0.2',
    ip6: 'fd00::2',
    macAddress: '02:00:00:00:00:01',
  });
  assert.equal(parseNetwork('NAME=Lan').network, 'Lan');
});

test('what is refused', () => {
  const refused: [text: string, message: RegExp][] = [
    ['alias=a', /network name\/id is not specified/],
    ['name=lan,x', /invalid field x/],
    ['name=lan,colour=red', /invalid field key colour/],
    ['name=lan,ip=fd00::2', /invalid IPv4 address: fd00::2/],
    ['name=lan,ip6=10.0.0.1', /invalid IPv6 address: 10.0.0.1/],
    ['name=lan,mac-address=01:00:00:00:00:01', /is not a valid mac address/],
    ['name=lan,gw-priority=1', /k3c has no gw-priority/],
  ];
  assert.throws(() => parseNetwork(''), /^Error: no name set for network$/);
  for (const [text, message] of refused) assert.throws(() => parseNetwork(text), message, text);
});
