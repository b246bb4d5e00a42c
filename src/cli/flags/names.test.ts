import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAddress, checkDomain, checkMac, parseExtraHost } from './names.ts';

test('--dns takes addresses', () => {
  assert.equal(checkAddress('10.0.0.1'), '10.0.0.1');
  assert.equal(checkAddress('2001:db8::1'), '2001:db8::1');
  assert.throws(() => checkAddress('ns.example'), { message: 'ns.example is not an ip address' });
});

test('--dns-search takes domains, and a dot for none', () => {
  for (const domain of ['.', 'example.com', 'svc.cluster.local', 'a_b', 'a-b.c', 'x.'])
    assert.equal(checkDomain(domain), domain);
  for (const text of ['', '1.2', 'a b', '-!', '-foo', 'foo-', 'a..b', '.a', 'a:b', 'x'.repeat(64)])
    assert.throws(() => checkDomain(text), { message: `${text} is not a valid domain` });
});

test('--add-host takes both separators, brackets and host-gateway', () => {
  assert.equal(parseExtraHost('db:10.0.0.1'), 'db:10.0.0.1');
  assert.equal(parseExtraHost('db=::1'), 'db:::1');
  assert.equal(parseExtraHost('db:[2001:db8::1]'), 'db:2001:db8::1');
  assert.equal(parseExtraHost('host.docker.internal:host-gateway'), 'host.docker.internal:host-gateway');
  for (const text of ['db', ':1.2.3.4', ''])
    assert.throws(() => parseExtraHost(text), /^Error: bad format for add-host/);
  assert.throws(() => parseExtraHost('db:x'), { message: 'invalid IP address in add-host: "x"' });
});

test('--mac-address takes colons and dashes, of one station', () => {
  assert.equal(checkMac('92:D0:c6:0a:29:33'), '92:d0:c6:0a:29:33');
  assert.equal(checkMac('92-d0-c6-0a-29-33'), '92:d0:c6:0a:29:33');
  for (const text of ['93:d0:c6:0a:29:33', '92:d0:c6:0a:29', 'x', ''])
    assert.throws(() => checkMac(text), { message: `${text} is not a valid mac address` });
});
