import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostResolverFile, parseResolvConf } from './resolv-conf.ts';
import { reversedAddress } from './reverse.ts';

test('resolv.conf: servers and nothing else', () => {
  const text =
    '# c\nnameserver 10.0.0.2\n nameserver\tfe80::1%eth0 \nnameserver none\n;x\ndomain a.b\nsearch Corp.example. x\noptions ndots:2\n';
  assert.deepEqual(parseResolvConf(text), { servers: ['10.0.0.2', 'fe80::1%eth0'] });
  assert.deepEqual(parseResolvConf('search a\ndomain b c\n'), { servers: [] });
});

test('a stub is asked first and those behind it when it is silent; changes are seen; a host may have none', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'k3c-names-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const [main, behindStub] = [join(directory, 'main'), join(directory, 'behind')];
  const file = new HostResolverFile({ main, behindStub });
  assert.deepEqual((await file.now()).servers, ['8.8.8.8', '8.8.4.4']);
  writeFileSync(`${main}.new`, 'nameserver 127.0.0.53\n');
  renameSync(`${main}.new`, main);
  writeFileSync(behindStub, 'nameserver 10.0.0.9\n');
  assert.deepEqual((await file.now()).servers, ['8.8.8.8', '8.8.4.4'], 'within a second');
  await sleep(1050);
  assert.deepEqual((await file.now()).servers, ['127.0.0.53', '10.0.0.9']);
  writeFileSync(main, 'nameserver 10.0.0.3\n');
  await sleep(1050);
  assert.deepEqual((await file.now()).servers, ['10.0.0.3']);
});

test('reverse names', () => {
  assert.equal(reversedAddress('2.1.0.10.in-addr.arpa'), '10.0.1.2');
  assert.equal(reversedAddress(`2${'.0'.repeat(29)}.d.f.ip6.arpa`), 'fd00::2');
  for (const name of ['1.0.10.in-addr.arpa', '300.1.0.10.in-addr.arpa', '2.ip6.arpa', 'web', 'in-addr.arpa'])
    assert.equal(reversedAddress(name), undefined, name);
});
