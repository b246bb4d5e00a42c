import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_NETWORK } from '../../state/spec.ts';
import {
  askedResolvConf,
  changeHosts,
  changeResolver,
  containerResolvConf,
  hostsFile,
  resolvConfWith,
} from './network-files.ts';

test('hosts: the name leads to the address, a dotted one by its first label too', () => {
  assert.match(hostsFile('box', ['10.1.2.3']), /^127\.0\.0\.1\tlocalhost\n(?:.*\n)+10\.1\.2\.3\tbox\n$/);
  assert.match(hostsFile('box.example.org', ['10.1.2.3']), /\n10\.1\.2\.3\tbox\.example\.org box\n$/);
  assert.match(hostsFile('box', ['10.1.2.3', 'fd00::3']), /\n10\.1\.2\.3\tbox\nfd00::3\tbox\n$/);
  assert.doesNotMatch(hostsFile('box', []), /box/);
});

test('resolvers on the loopback device of the host are left out', () => {
  const text =
    '# made by hand\nsearch a b\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver ::1\noptions edns0\n';
  assert.equal(containerResolvConf([text]), 'search a b\nnameserver 10.0.0.2\noptions edns0\n');
});

test('a stub gives way to its upstreams, and public resolvers stand in for none', () => {
  const stub = 'nameserver 127.0.0.53\noptions edns0\n';
  assert.equal(containerResolvConf([stub, 'nameserver 10.0.0.9\n']), 'nameserver 10.0.0.9\n');
  assert.equal(containerResolvConf([stub, '']), 'options edns0\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n');
  assert.equal(containerResolvConf([]), 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n');
});

test('what is asked for replaces its own kind of line and leaves the others', () => {
  const host = 'domain old\nsearch a b\nnameserver 10.0.0.2\noptions edns0\n';
  const nothing = { dns: [], dnsSearch: [], dnsOptions: [] };
  assert.equal(askedResolvConf(host, nothing), host);
  assert.equal(
    askedResolvConf(host, { ...nothing, dns: ['1.1.1.1', '9.9.9.9'] }),
    'domain old\nsearch a b\noptions edns0\nnameserver 1.1.1.1\nnameserver 9.9.9.9\n',
  );
  assert.equal(
    askedResolvConf(host, { ...nothing, dnsSearch: ['x.y', 'z'], dnsOptions: ['ndots:5', 'rotate'] }),
    'nameserver 10.0.0.2\nsearch x.y z\noptions ndots:5 rotate\n',
  );
  assert.equal(askedResolvConf(host, { ...nothing, dnsSearch: ['.'] }), 'nameserver 10.0.0.2\noptions edns0\n');
});

test('with a resolver on the network the host gives its search list and its options only', () => {
  const host = '# x\nnameserver 127.0.0.53\nsearch a b\noptions edns0 ndots:2\nsortlist 1.2.3.4\n';
  const nothing = { dnsSearch: [], dnsOptions: [] };
  assert.equal(resolvConfWith(host, '10.1.0.1', nothing), 'search a b\nnameserver 10.1.0.1\noptions edns0 ndots:0\n');
  assert.equal(resolvConfWith('', '10.1.0.1', nothing), 'nameserver 10.1.0.1\noptions ndots:0\n');
  assert.equal(
    resolvConfWith(host, '10.1.0.1', { dnsSearch: ['c'], dnsOptions: ['ndots:3', 'rotate'] }),
    'nameserver 10.1.0.1\nsearch c\noptions ndots:3 rotate\n',
  );
});

test('a container that runs is followed to other addresses, and what it wrote itself stays', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-hosts-'));
  t.after(() => rm(directory, { recursive: true }));
  const hosts = join(directory, 'hosts');
  const identity = { networkMode: 'lan', hostname: 'box.example.org', asked: NO_NETWORK, hostGateway: '' };
  await writeFile(hosts, `${hostsFile('box.example.org', ['10.1.2.3', 'fd00::3'])}10.9.9.9\tof-its-own\n`);
  const { ino } = await stat(hosts);
  await changeHosts({ hosts }, identity, { added: ['10.2.0.4'], removed: ['10.1.2.3', 'fd00::3'] });
  const text = await readFile(hosts, 'utf8');
  assert.match(text, /^127\.0\.0\.1\tlocalhost\n/);
  assert.match(text, /\n10\.9\.9\.9\tof-its-own\n10\.2\.0\.4\tbox\.example\.org box\n$/);
  assert.doesNotMatch(text, /10\.1\.2\.3|fd00::3/);
  assert.equal((await stat(hosts)).ino, ino);
  await writeFile(hosts, Buffer.alloc((1 << 20) + 1));
  await changeHosts({ hosts }, identity, { added: ['10.2.0.5'], removed: [] });
  assert.equal((await stat(hosts)).size, (1 << 20) + 1);
});

test('the resolver follows to another network, in the same inode; one that the container chose stays', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-resolver-'));
  t.after(() => rm(directory, { recursive: true }));
  const resolvConf = join(directory, 'resolv.conf');
  const change = async (text: string, before: string | undefined, resolver: string | undefined, dns: string[] = []) => {
    await writeFile(resolvConf, text);
    const { ino } = await stat(resolvConf);
    await changeResolver({ resolvConf }, before, { asked: { ...NO_NETWORK, dns }, resolver });
    assert.equal((await stat(resolvConf)).ino, ino);
    return await readFile(resolvConf, 'utf8');
  };
  const conf = (address: string) => `search a\nnameserver ${address}\noptions ndots:0\n`;
  assert.equal(await change(conf('10.1.0.1'), '10.1.0.1', '10.2.0.1'), conf('10.2.0.1'));
  assert.equal(await change(conf('10.1.0.1'), undefined, '10.2.0.1'), conf('10.2.0.1'));
  assert.equal(await change(conf('10.1.0.1'), '10.1.0.1', undefined), conf('10.1.0.1'));
  assert.equal(await change(conf('9.9.9.9'), '10.1.0.1', '10.2.0.1'), conf('9.9.9.9'));
  assert.equal(await change(conf('127.0.0.1'), undefined, '10.2.0.1', ['127.0.0.1']), conf('127.0.0.1'));
  const two = 'nameserver 10.1.0.1\nnameserver 9.9.9.9\n';
  assert.equal(await change(two, '10.1.0.1', '10.2.0.1'), two);
});
