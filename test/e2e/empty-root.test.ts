/** A host that has nothing: no iptables, nft, CNI plugin, runc, ip or shell, no /etc. With real traffic between namespaces. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Machine, type Neighbour } from '../support/machine.ts';

/** Answers with its name and the address that asks. */
const SERVE = [
  'mkdir -p /www/cgi-bin',
  `printf '#!/bin/sh\\nprintf "Content-Type: text/plain\\\\r\\\\n\\\\r\\\\n$(hostname) $REMOTE_ADDR\\\\n"\\n' > /www/cgi-bin/who`,
  'chmod +x /www/cgi-bin/who',
  'exec httpd -f -h /www -p 0.0.0.0:80',
].join('; ');
const HOST = '10.64.1.1';

let machine: Machine;
let outside: Neighbour;
let untouched: string[];

before(async () => {
  machine = await Machine.boot({ empty: true });
  outside = await machine.neighbour('outside', { address: '10.64.1.2', gateway: HOST, mtu: 1400 });
  await machine.do('ip route add default via 10.64.1.2');
  await outside.serve(90);
  untouched = await machine.footprint();
  await machine.startDaemon();
});
after(() => machine.stop());

const serve = (name: string, ...flags: string[]) =>
  machine.ok(['run', '-d', '--name', name, '--hostname', name, ...flags, 'busybox', 'sh', '-c', SERVE]);
const inside = (script: string, ...flags: string[]) =>
  machine.ok(['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);
/** Debian's static busybox crashes in wget. */
const who = (host: string, port = 80) =>
  `printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | nc ${host} ${port} | tail -1`;
const inspect = (name: string, format: string) => machine.ok(['inspect', '-f', format, name]);

test('there is nothing but the binary', async () => {
  const found = await machine.do(`cd ${machine.directory}/empty; find . -xdev -type f -perm /111 -not -path './var/*'`);
  assert.equal(found, './k3c');
  assert.match(await machine.ok(['info', '-f', '{{.KernelVersion}}']), /^\d/);
});

test('load and run', async () => {
  assert.match(await machine.ok(['load', '-i', machine.image]), /Loaded image: .*busybox:latest/);
  assert.equal(await inside('echo out; hostname', '--hostname', 'box'), 'out\nbox');
  assert.equal((await machine.k3c(['run', '--rm', 'busybox', 'sh', '-c', 'exit 7'])).code, 7);
});

test('the default network: the outside sees the host’s address, the MTU is that of the default route', async () => {
  assert.equal(await inside('nc 10.64.1.2 90 < /dev/null'), `outside ${HOST}`);
  assert.match(await inside('ip link show eth0'), /mtu 1400/);
});

test('published ports: from outside with its own address, from the host, its loopback, a neighbour, itself', async () => {
  await serve('web', '-p', '8080:80', '-p', '127.0.0.1:8081:80');
  const gateway = await inspect('web', '{{.NetworkSettings.Gateway}}');
  assert.equal(await outside.get(`http://${HOST}:8080/cgi-bin/who`), 'web 10.64.1.2');
  assert.equal(await machine.get(`http://${HOST}:8080/cgi-bin/who`), `web ${HOST}`);
  // What the container could not answer comes from its gateway.
  for (const place of ['127.0.0.1:8080', '[::1]:8080', '127.0.0.1:8081'])
    assert.equal(await machine.get(`http://${place}/cgi-bin/who`), `web ${gateway}`, place);
  assert.equal(await outside.ask('tcp', HOST, 8081), 'ECONNREFUSED');
  assert.match(await inside(who(HOST, 8080)), /^web /);
  assert.match(await machine.ok(['exec', 'web', 'sh', '-c', who(HOST, 8080)]), /^web /);
});

test('names on the default network, and of a network of one’s own, with its own traffic', async () => {
  const address = await inspect('web', '{{.NetworkSettings.IPAddress}}');
  assert.match(await inside('nslookup web'), new RegExp(`Address.*: ${address.replaceAll('.', '\\.')}`));
  await machine.ok(['network', 'create', '--subnet', '10.64.7.0/24', 'lan']);
  await serve('db', '--network', 'lan', '--network-alias', 'store', '-p', '8082:80');
  assert.match(await inside(who('store'), '--network', 'lan'), /^db 10\.64\.7\./);
  assert.equal(await inside('nc 10.64.1.2 90 < /dev/null', '--network', 'lan'), `outside ${HOST}`);
  assert.equal(await outside.get(`http://${HOST}:8082/cgi-bin/who`), 'db 10.64.1.2');
});

test('exec, logs, cp, top', async () => {
  assert.equal(await machine.ok(['exec', 'web', 'cat', '/etc/hostname']), 'web');
  // Below a chroot the container's own root is easily missed.
  assert.equal(
    await machine.ok(['exec', 'web', 'ls', '/']),
    (await inside('ls /; echo www')).split('\n').sort().join('\n'),
  );
  assert.match(await machine.ok(['exec', 'web', 'cat', '/etc/hosts']), /\tweb$/m);
  await machine.ok(['cp', '/busybox.tar', 'web:/copied']);
  assert.match(await machine.ok(['exec', 'web', 'ls', '/copied']), /copied/);
  assert.match(await machine.ok(['top', 'web']), /httpd/);
  await machine.ok(['create', '--name', 'cold', '-v', 'data:/etc', 'busybox', 'cat', '/copied', '/etc/passwd']);
  await machine.ok(['cp', '/etc/hosts', 'cold:/copied']);
  assert.match(await machine.ok(['start', '-a', 'cold']), /localhost.*root:x:0/s);
  assert.equal(await machine.ok(['diff', 'cold']), 'A /copied');
  await machine.ok(['rm', '-v', 'cold']);
});

test('build, and run what was built at once', async () => {
  await machine.do(`mkdir ${machine.directory}/empty/tmp/context; cd ${machine.directory}/empty/tmp/context
    echo from the context > file
    printf 'FROM busybox\\nCOPY file /file\\nRUN nc 10.64.1.2 90 < /dev/null > /who; cat /etc/resolv.conf > /names\\nCMD cat /file /who' > Dockerfile`);
  await machine.ok(['build', '-t', 'made', '/tmp/context']);
  assert.equal(await machine.ok(['run', '--rm', 'made']), `from the context\noutside ${HOST}`);
});

test('a daemon that is killed takes all of it up again, and in the end nothing stays', async () => {
  await machine.endDaemon('SIGKILL');
  assert.equal(await outside.get(`http://${HOST}:8080/cgi-bin/who`), 'web 10.64.1.2');
  await machine.startDaemon();
  assert.equal(await outside.get(`http://${HOST}:8082/cgi-bin/who`), 'db 10.64.1.2');
  await machine.ok(['rm', '-f', 'web', 'db']);
  assert.equal(await outside.ask('tcp', HOST, 8080), 'ECONNREFUSED');
  await machine.ok(['network', 'rm', 'lan']);
  await machine.endDaemon('SIGTERM');
  assert.deepEqual(await machine.footprint(), untouched);
  // containerd warns of races of its own at each end.
  const warnings = machine.warnings().filter(({ child }) => child === undefined);
  assert.deepEqual(warnings, []);
});
