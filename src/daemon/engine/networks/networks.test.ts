import assert from 'node:assert/strict';
import { test } from 'node:test';
import { K3cError } from '../../../api/errors.ts';
import { openDatabase } from '../../state/database.ts';
import { NetworkMembers } from '../network/members.ts';
import type { NetworkDefinition } from '../network/network-definition.ts';
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
    chooseIpv6Subnet: () => ({ network: { address: 0xfd62n << 112n, prefix: 64 }, gateway: 'fd62::1' }),
    ipv6Collision: () => undefined as string | undefined,
    addNetwork: ({ id, name, bridge, gateway, subnet, internal, ipv6: six }: NetworkDefinition) => {
      if (host.fails !== undefined) return Promise.reject(host.fails);
      const ipv6 = six && { cidr: six.subnet, gateway: six.gateway };
      members.addNetwork({ id, name, bridge, gateway, cidr: subnet, internal, ...(ipv6 && { ipv6 }) });
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
  ipv6: false,
  subnet6: '',
  gateway6: '',
  ipRange6: '',
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

test('addresses of both families', async () => {
  const { networks, members, host } = engine();
  const { id, config } = await networks.create(wanted('six', { ipv6: true }));
  assert.deepEqual(config.ipv6, { subnet: 'fd62::/64', gateway: 'fd62::1', ipRange: '', configured: false });
  members.join(id, { ...member, ipv6: 'fd62::2' });
  const { EnableIPv6, IPAM, Containers } = networks.inspect('six') as Record<string, unknown> & {
    IPAM: { Config: unknown };
    Containers: Record<string, Record<string, string>>;
  };
  assert.equal(EnableIPv6, true);
  assert.deepEqual(IPAM.Config, [
    { Subnet: '172.18.0.0/16', Gateway: '172.18.0.1' },
    { Subnet: 'fd62::/64', Gateway: 'fd62::1' },
  ]);
  assert.equal(Containers['c1']?.['IPv6Address'], 'fd62::2/64');
  assert.deepEqual(
    networks.list({ name: ['six', 'bridge'] }).map(({ ipv6 }) => ipv6),
    [false, true],
  );

  const asked = { ipv6: true, subnet6: '2001:db8:1::9/64', gateway6: '2001:db8:1::fe', ipRange6: '2001:db8:1::80/121' };
  const { config: chosen } = await networks.create(wanted('chosen', asked));
  assert.deepEqual(chosen.ipv6, {
    subnet: '2001:db8:1::/64',
    gateway: '2001:db8:1::fe',
    ipRange: '2001:db8:1::80/121',
    configured: true,
  });
  host.ipv6Collision = () => 'the route to 2001:db8::/32 over tun0';
  await assert.rejects(
    networks.create(wanted('x', { ...asked })),
    /Pool overlaps .* 2001:db8:1::\/64 collides with the route/,
  );
  await assert.rejects(networks.create(wanted('x', { ...asked, ipv6: false })), { hint: 'turn it on with --ipv6' });
  await assert.rejects(
    networks.create(wanted('x', { ipv6: true, gateway6: 'fd62::9' })),
    /no matching subnet for gateway/,
  );
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

test('the containers of a network come by their ids, and docker’s own networks are as old as the daemon', async () => {
  const begin = Date.now();
  const { networks, members } = engine();
  const { id } = await networks.create(wanted('lan'));
  for (const container of ['c3', 'c1', 'c2']) members.join(id, { ...member, container });
  assert.deepEqual(Object.keys(networks.inspect('lan')['Containers'] as object), ['c1', 'c2', 'c3']);
  const made = Date.parse(String(networks.inspect('host')['Created']));
  assert.ok(made >= begin && made <= Date.now());
});
