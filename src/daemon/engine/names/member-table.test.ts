import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkMember } from '../network/members.ts';
import { MemberTable } from './member-table.ts';

const id = 'abcdef0123456789'.repeat(4);
const member = (more: Partial<NetworkMember> = {}): NetworkMember => ({
  container: id,
  name: 'Web',
  ip: '10.1.0.2',
  ipv6: 'FD00::0:2',
  mac: '',
  aliases: ['www'],
  hostname: 'box.example.org',
  ...more,
});

const found = (table: MemberTable, name: string) => [...(table.named(name) ?? [])].map((each) => each.name);

test('a member is found by name, alias, short id and hostname, with the network behind the first three', () => {
  const table = new MemberTable('blue');
  table.put(member());
  for (const name of ['web', 'www', id.slice(0, 12), 'box.example.org', 'web.blue', 'www.blue'])
    assert.deepEqual(found(table, name), ['Web'], name);
  for (const name of ['box', id, id.slice(0, 11), 'web.red', 'blue', ''])
    assert.deepEqual(found(table, name), [], name);
  assert.equal(table.at('10.1.0.2')?.container, id);
  assert.equal(table.at('fd00::2')?.container, id);
  assert.equal(table.fullName(member()), 'Web.blue');
});

test('nothing is left of a member that goes, or of what it was', () => {
  const table = new MemberTable('blue');
  table.put(member());
  table.put(member({ name: 'api', aliases: [], ip: '10.1.0.3', hostname: '' }));
  assert.deepEqual(found(table, 'api'), ['api']);
  for (const name of ['web', 'www', 'box.example.org']) assert.deepEqual(found(table, name), [], name);
  assert.equal(table.at('10.1.0.2'), undefined);
  table.remove(id);
  table.remove(id);
  assert.deepEqual(found(table, id.slice(0, 12)), []);
  assert.equal(table.at('10.1.0.3'), undefined);
});

test('a hostname takes nothing from a name, and an alias is as good as one', () => {
  const table = new MemberTable('blue');
  table.put(member({ name: 'db' }));
  table.put(member({ container: 'b'.repeat(64), name: 'other', aliases: [], hostname: 'db', ip: '10.1.0.9' }));
  assert.deepEqual(found(table, 'db'), ['db']);
  table.put(member({ container: 'c'.repeat(64), name: 'third', aliases: ['db'], ip: '10.1.0.10' }));
  assert.deepEqual(found(table, 'db'), ['db', 'third']);
  table.remove(id);
  table.remove('c'.repeat(64));
  assert.deepEqual(found(table, 'db'), ['other']);
});

test('an address that has a new holder stays with it when the old one goes', () => {
  const table = new MemberTable('blue');
  table.put(member());
  table.put(member({ container: 'b'.repeat(64), name: 'new' }));
  table.remove(id);
  assert.equal(table.at('10.1.0.2')?.name, 'new');
});
