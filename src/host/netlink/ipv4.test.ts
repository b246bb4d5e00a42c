import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIpv4, formatIpv4Network, ipv4Bytes, ipv4Mask, ipv4Network, ipv4Overlap, parseIpv4 } from './ipv4.ts';

test('dotted quads, and what only looks like one', () => {
  assert.equal(parseIpv4('10.91.0.1'), 0x0a5b0001);
  assert.equal(parseIpv4('255.255.255.255'), 0xffffffff);
  for (const text of [
    '',
    '10.0.0',
    '10.0.0.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.-1',
    '1e1.0.0.0',
    '::1',
    ' 10.0.0.1',
  ]) {
    assert.equal(parseIpv4(text), undefined, text);
  }
  assert.equal(formatIpv4(0xffffff01), '255.255.255.1');
  assert.deepEqual([...ipv4Bytes('127.0.0.1')], [127, 0, 0, 1]);
  assert.throws(() => ipv4Bytes('localhost'), RangeError);
});

test('masks and networks', () => {
  assert.equal(ipv4Mask(0), 0);
  assert.equal(ipv4Mask(16), 0xffff0000);
  assert.equal(ipv4Mask(32), 0xffffffff);
  assert.equal(formatIpv4Network(ipv4Network(parseIpv4('192.168.7.9') ?? 0, 24)), '192.168.7.0/24');
});

test('overlap: one inside the other in either order, and everything', () => {
  const network = (text: string, prefix: number) => ipv4Network(parseIpv4(text) ?? 0, prefix);
  assert.ok(ipv4Overlap(network('10.0.0.0', 8), network('10.91.0.0', 16)));
  assert.ok(ipv4Overlap(network('10.91.0.0', 16), network('10.0.0.0', 8)));
  assert.ok(ipv4Overlap(network('0.0.0.0', 0), network('192.168.0.0', 16)));
  assert.ok(!ipv4Overlap(network('10.91.0.0', 16), network('10.92.0.0', 16)));
  assert.ok(!ipv4Overlap(network('192.168.0.0', 24), network('192.168.1.0', 24)));
});
