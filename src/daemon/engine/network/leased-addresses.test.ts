import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LeasedAddresses } from './leased-addresses.ts';
import { parseBridgeCidr } from './subnet.ts';

const anything = { ip: '', ip6: '' };

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'k3c-leases-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function opened(directory: string, cidr: string, beforeUse: (ip: string) => void = () => undefined): LeasedAddresses {
  const leases = new LeasedAddresses(directory, beforeUse);
  leases.open(parseBridgeCidr(cidr));
  return leases;
}

test('pods and what is plugged in besides never have the same address, and give it back', (t) => {
  const directory = folder(t);
  // Of an earlier daemon, whose plugin was host-local.
  writeFileSync(join(directory, '10.62.0.2'), 'sandbox\r\neth0');
  writeFileSync(join(directory, 'lock'), '');
  writeFileSync(join(directory, 'last_reserved_ip.0'), '10.62.0.2');
  const leases = opened(directory, '10.62.0.0/29');
  assert.equal(leases.takeForPod('a', 'eth0'), '10.62.0.3');
  assert.throws(() => leases.takeForPod('a', 'eth0'), /pod a is on the default network already/);
  assert.equal(leases.take('b', anything).ip, '10.62.0.4');
  assert.equal(leases.takeForPod('c', 'eth0'), '10.62.0.5');
  assert.equal(leases.takeForPod('d', 'eth0'), '10.62.0.6');
  assert.throws(() => leases.takeForPod('e', 'eth0'), { reason: 'no-address', hint: /larger --bridge-cidr/ });
  assert.equal(readFileSync(join(directory, '10.62.0.3'), 'utf8'), 'a\r\neth0');
  leases.free('d');
  leases.free('d');
  leases.free('a');
  assert.equal(leases.takeForPod('e', 'eth0'), '10.62.0.3', 'the one that has rested longest');
  assert.throws(() => leases.take('f', { ip: '10.62.0.6', ip6: '' }), { reason: 'bad-input' });
  assert.deepEqual(readdirSync(directory).sort(), [
    ...['10.62.0.2', '10.62.0.3', '10.62.0.4', '10.62.0.5'],
    ...['last_reserved_ip.0', 'lock'],
  ]);
});

test('the next daemon takes them up, and frees those of pods that are gone', (t) => {
  const directory = folder(t);
  const before = opened(directory, '10.62.0.0/24');
  for (const pod of ['gone', 'alive']) before.takeForPod(pod, 'eth0');
  before.take('connected', anything);
  before.take('left', anything);
  const old = new Date(Date.now() - 10_000);
  for (const name of readdirSync(directory)) utimesSync(join(directory, name), old, old);
  writeFileSync(join(directory, '10.99.0.2'), 'elsewhere\r\neth0');
  writeFileSync(join(directory, '10.62.0.9'), '');

  const leases = opened(directory, '10.62.0.0/24');
  assert.deepEqual(readdirSync(directory).sort(), ['10.62.0.2', '10.62.0.3', '10.62.0.4', '10.62.0.5']);
  rmSync(join(directory, '10.62.0.4'));
  leases.adopt('connected', { ip: '10.62.0.4', ip6: '' });
  assert.throws(() => leases.adopt('x', { ip: '10.62.0.3', ip6: '' }), { reason: 'address-in-use' });
  const started = Date.now() - 1000;
  leases.takeForPod('being made', 'eth0');
  assert.equal(leases.freeStale(new Set(['alive']), started).length, 2);
  assert.equal(leases.freeStale(new Set(['alive']), started).length, 0);
  assert.deepEqual(
    ['gone', 'alive', 'connected', 'left', 'being made'].map((owner) => leases.addressOf(owner)),
    [undefined, '10.62.0.3', '10.62.0.4', undefined, '10.62.0.6'],
  );
  assert.deepEqual(readdirSync(directory).sort(), ['10.62.0.3', '10.62.0.4', '10.62.0.6']);
});

test('whoever is given an address has it alone, or none', (t) => {
  const directory = folder(t);
  const asked: string[] = [];
  let stuck = false;
  const leases = opened(directory, '10.62.0.0/29', (ip) => {
    asked.push(ip);
    if (stuck) throw new Error('still there');
  });
  leases.takeForPod('a', 'eth0');
  leases.free('a');
  stuck = true;
  assert.throws(() => leases.takeForPod('b', 'eth0'), /still there/);
  assert.throws(() => leases.take('c', anything), /still there/);
  assert.deepEqual([leases.addressOf('b'), leases.addressOf('c'), readdirSync(directory)], [undefined, undefined, []]);
  stuck = false;
  assert.equal(leases.take('c', anything).ip, '10.62.0.5');
  assert.deepEqual(asked, ['10.62.0.2', '10.62.0.3', '10.62.0.4', '10.62.0.5']);
});
