import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatIpv6,
  formatIpv6Bytes,
  formatIpv6Network,
  ipv6Bytes,
  ipv6MaskBytes,
  ipv6Overlap,
  lastOfIpv6,
  parseIpv6,
  parseIpv6Network,
} from './ipv6.ts';

const network = (text: string) => {
  const parsed = parseIpv6Network(text);
  assert.ok(parsed, text);
  return parsed;
};

test('addresses are read in every spelling and written in one', () => {
  for (const [text, written] of [
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:0:0:0:0:2', 'fd00::2'],
    ['2001:db8::8:800:200c:417a', '2001:db8::8:800:200c:417a'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1::8', '1::8'],
    ['fd00::', 'fd00::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const) {
    const address = parseIpv6(text);
    assert.ok(address !== undefined, text);
    assert.equal(formatIpv6(address), written);
    assert.equal(formatIpv6Bytes(ipv6Bytes(text)), written);
  }
  assert.equal(parseIpv6('fd00::102'), (0xfd00n << 112n) | 0x102n);
  for (const wrong of ['', '10.0.0.1', 'fd00', 'fd00::1::2', 'fd00::g', 'fe80::1%eth0', 'fd00::1/64'])
    assert.equal(parseIpv6(wrong), undefined, wrong);
  assert.throws(() => ipv6Bytes('10.0.0.1'), RangeError);
});

test('networks', () => {
  assert.equal(formatIpv6Network(network('fd00:1:2:3:4::9/64')), 'fd00:1:2:3::/64');
  assert.equal(formatIpv6(lastOfIpv6(network('fd00::/120'))), 'fd00::ff');
  assert.equal(formatIpv6(lastOfIpv6(network('fd00::/128'))), 'fd00::');
  assert.equal(ipv6MaskBytes(65).toString('hex'), 'ffffffffffffffff8000000000000000');
  assert.equal(ipv6Overlap(network('fd00::/8'), network('fd12:3456::/48')), true);
  assert.equal(ipv6Overlap(network('fd00::/64'), network('fd00:0:0:1::/64')), false);
  assert.equal(ipv6Overlap(network('::/0'), network('2001:db8::/32')), true);
  for (const wrong of ['fd00::/129', 'fd00::', 'fd00::/x', 'fd00::/64/1', '10.0.0.0/8', 'fd00::/064'])
    assert.equal(parseIpv6Network(wrong), undefined, wrong);
});
