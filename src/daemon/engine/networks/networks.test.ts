import assert from 'node:assert/strict';
import { test } from 'node:test';
import { K3cError } from '../../../api/errors.ts';
import { openDatabase } from '../../state/database.ts';
import { NetworkMembers } from '../network/members.ts';
import type { NetworkDefinition } from '../network/named-networks.ts';
import type { NewNetwork } from './check-network.ts';
import { networkDefinitions, networkEngine } from './networks.ts';

function engine() {
  const state = openDatabase(':memory:');
  const members = new NetworkMembers();
  const events: string[] = [];
  const host = {
    members,
    fails: undefined as Error | undefined,
    chooseSubnet: () => ({ network: { address: 0xac120000, prefix: 16 }, gateway: '172.18.0.1' }),
    collision: () => undefined,
    addNetwork: ({ id, name, bridge, gateway, subnet, internal }: NetworkDefinition) => {
      if (host.fails !== undefined) return Promise.reject(host.fails);
      members.addNetwork({ id, name, bridge, gateway, cidr: subnet, internal });
      return Promise.resolve();
    },
    removeNetwork: (id: string) => members.removeNetwork(id),
  };
  const networks = networkEngine({
    state,
    host,
    events: { record: ({ action, attributes }) => void events.push(`${action} ${attributes['name']}`) },
  });
  return { state, members, events, host, networks };
}

const wanted = (name: string, over: Partial<NewNetwork> = {}): NewNetwork => ({
  name,
  driver: '',
  subnet: '',
  gateway: '',
  ipRange: '',
  internal: false,
  options: {},
  labels: {},
  ...over,
});

const member = { container: 'c1', name: 'web', hostname: 'web', aliases: [], ip: '172.18.0.2', ipv6: '', mac: '' };

test('what is made is there, until it is removed; not while somebody is on it', async () => {
  const { state, members, events, networks } = engine();
  const { id } = await networks.create(wanted('lan', { labels: { a: 'b' } }));
  assert.deepEqual(
    networks.list({}).map(({ name }) => name),
    ['bridge', 'host', 'none', 'lan'],
  );
  assert.deepEqual(
    networks.list({ type: ['custom'], label: ['a=b'], dangling: ['1'] }).map(({ name }) => name),
    ['lan'],
  );
  assert.equal(networkDefinitions(state)[0]?.subnet, '172.18.0.0/16');
  await assert.rejects(networks.create(wanted('lan')), { reason: 'name-in-use' });
  members.join(id, member);
  assert.throws(() => networks.remove('lan'), { reason: 'network-in-use' });
  assert.deepEqual(networks.prune({}), []);
  const { Containers } = networks.inspect(id.slice(0, 8)) as { Containers: Record<string, { IPv4Address: string }> };
  assert.equal(Containers['c1']?.IPv4Address, '172.18.0.2/16');
  members.leave('c1');
  assert.equal(networks.remove('lan'), 'lan');
  assert.throws(() => networks.inspect('lan'), { reason: 'network-not-found' });
  assert.deepEqual(events, ['create lan', 'destroy lan']);
});

test('a bridge that cannot be made leaves no network', async () => {
  const { host, networks, events } = engine();
  host.fails = new K3cError(13, 'no bridges here');
  await assert.rejects(networks.create(wanted('lan')), /no bridges here/);
  assert.deepEqual(networks.list({ name: ['lan'] }), []);
  assert.deepEqual(events, ['create lan', 'destroy lan']);
});

test('prune takes what nobody is on and the filters let through', async () => {
  const { networks } = engine();
  await networks.create(wanted('a', { labels: { keep: '' } }));
  await networks.create(wanted('b'));
  assert.throws(() => networks.prune({ name: ['b'] }), /invalid filter 'name'/);
  assert.deepEqual(networks.prune({ until: ['1'] }), []);
  assert.deepEqual(networks.prune({ 'label!': ['keep'] }), ['b']);
  assert.throws(() => networks.remove('host'), /pre-defined network and cannot be removed/);
});
