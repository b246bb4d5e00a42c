import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, hasCode } from '../../../api/errors.ts';
import { openDatabase } from '../../state/database.ts';
import { predefinedNetworks } from '../network/predefined.ts';
import { findNetwork } from './find-network.ts';

const config = {
  subnet: '10.1.0.0/16',
  gateway: '10.1.0.1',
  ipRange: '',
  configured: false,
  internal: false,
  options: {},
};

test('a network is found by id, name and prefix of an id, and no other row is read', (t) => {
  const state = openDatabase(':memory:');
  t.after(() => state.close());
  const ids = { web: `ab${'1'.repeat(62)}`, abc: `ab${'2'.repeat(62)}`, other: `cd${'3'.repeat(62)}` };
  for (const [name, id] of Object.entries(ids))
    state.networks.insert({ id, name, bridge: `br-${name}`, config, labels: {}, createdAt: 1n });
  state.networks.list = () => assert.fail('all rows were read');
  const nameOf = (reference: string) => findNetwork(state, reference).network.name;
  assert.equal(nameOf(ids.web), 'web');
  assert.equal(nameOf('abc'), 'abc', 'a name that could be a prefix');
  assert.equal(nameOf('ab1'), 'web');
  assert.equal(nameOf('cd'), 'other');
  assert.deepEqual(['bridge', 'default', 'host', 'none'].map(nameOf), ['bridge', 'bridge', 'host', 'none']);
  for (const { id, name } of predefinedNetworks())
    assert.deepEqual([nameOf(id), nameOf(id.slice(0, 20))], [name, name]);
  assert.throws(() => nameOf('ab'), { message: 'network ab is ambiguous (2 matches found based on ID prefix)' });
  for (const reference of ['nothing', 'ee', '', 'AB1', 'a%'])
    assert.throws(
      () => nameOf(reference),
      (error) => hasCode(error, Code.NOT_FOUND),
    );
});
