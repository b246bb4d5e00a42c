import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MemberNetwork, type MembersChange, type NetworkMember, NetworkMembers } from './members.ts';

const network = (id: string): MemberNetwork => ({
  id,
  name: `name of ${id}`,
  bridge: 'br',
  gateway: '10.0.0.1',
  cidr: '10.0.0.0/24',
  internal: false,
});

const member = (container: string, over: Partial<NetworkMember> = {}): NetworkMember => ({
  container,
  name: container,
  hostname: container,
  aliases: [],
  ip: '10.0.0.2',
  ipv6: '',
  mac: '',
  ...over,
});

function told() {
  const members = new NetworkMembers();
  const seen: string[] = [];
  const end = members.onChange((change: MembersChange) =>
    seen.push(
      `${change.kind} ${change.network.id}${'member' in change ? ` ${change.member.name} ${change.member.ip}` : ''}`,
    ),
  );
  return { members, seen, end };
}

test('a container is on the networks that it joined, until it leaves', () => {
  const { members, seen } = told();
  members.addNetwork(network('a'));
  members.addNetwork(network('b'));
  members.join('a', member('one'));
  members.join('b', member('one', { ip: '10.0.1.2' }));
  members.join('nowhere', member('one'));
  assert.deepEqual(
    members.networksOf('one').map(({ id }) => id),
    ['a', 'b'],
  );
  members.leave('one', 'a');
  assert.deepEqual(members.members('a'), []);
  members.leave('one');
  members.leave('one');
  assert.deepEqual(seen, [
    'network-added a',
    'network-added b',
    'joined a one 10.0.0.2',
    'joined b one 10.0.1.2',
    'left a one 10.0.0.2',
    'left b one 10.0.1.2',
  ]);
});

test('a new name is told as an end and a beginning', () => {
  const { members, seen, end } = told();
  members.addNetwork(network('a'));
  members.join('a', member('one'));
  members.renamed('one', 'two');
  assert.deepEqual(seen.slice(2), ['left a one 10.0.0.2', 'joined a two 10.0.0.2']);
  end();
  members.renamed('one', 'three');
  assert.equal(seen.length, 4);
});

test('a network that goes takes its members along; one that is told again keeps them', () => {
  const { members, seen } = told();
  members.addNetwork(network('a'));
  members.join('a', member('one'));
  members.addNetwork({ ...network('a'), gateway: '10.0.0.9' });
  assert.equal(members.members('a').length, 1);
  assert.equal(members.network('a')?.gateway, '10.0.0.9');
  members.removeNetwork('a');
  assert.deepEqual(seen.slice(3), ['left a one 10.0.0.2', 'network-removed a']);
});
