import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LeasedAddresses } from './leased-addresses.ts';
import { parseBridgeCidr } from './subnet.ts';

const anything = { ip: '', ip6: '' };

test('addresses are taken beside those of the plugin, never twice, and given back', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'k3c-leases-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const subnet = () => parseBridgeCidr('10.62.0.0/29');
  // The plugin's: a sandbox has the last one.
  writeFileSync(join(directory, '10.62.0.6'), 'sandbox\r\neth0');
  const leases = new LeasedAddresses(directory, subnet);
  const take = (owner: string) => leases.take(owner, anything).ip;
  assert.deepEqual(['a', 'b', 'c', 'd'].map(take), ['10.62.0.5', '10.62.0.4', '10.62.0.3', '10.62.0.2']);
  assert.throws(() => take('e'), { reason: 'no-address' });
  assert.match(readFileSync(join(directory, '10.62.0.5'), 'utf8'), /^a\r\n/);
  leases.free('a');
  leases.free('a');
  leases.free('d');
  assert.equal(take('e'), '10.62.0.5', 'the one that has rested longest');
  assert.deepEqual([...leases.owners()], ['b', 'c', 'e']);
  assert.throws(() => leases.take('f', { ip: '10.62.0.2', ip6: '' }), { reason: 'bad-input' });

  const later = new LeasedAddresses(directory, subnet);
  later.adopt('e', { ip: '10.62.0.5', ip6: '' });
  rmSync(join(directory, '10.62.0.4'));
  later.adopt('b', { ip: '10.62.0.4', ip6: '' });
  assert.throws(() => later.adopt('x', { ip: '10.62.0.6', ip6: '' }), { reason: 'address-in-use' });
  for (const owner of ['b', 'e']) later.free(owner);
  assert.deepEqual(readdirSync(directory).sort(), ['10.62.0.3', '10.62.0.6']);
});
