/** A kernel without nf_tables: ports go through a proxy, networks stay apart, and what is missing is said once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Machine, type Neighbour } from '../support/machine.ts';

const HOST = '10.64.30.1';
const SERVE = ['busybox', 'sh', '-c', 'mkdir -p /www; hostname > /www/index.html; exec httpd -f -h /www -p 80'];

let machine: Machine;
let outside: Neighbour;

before(async () => {
  const wrapper = [process.execPath, join(import.meta.dirname, '../support/without-nftables.ts')];
  machine = await Machine.boot({ wrapper });
  outside = await machine.neighbour('outside', { address: '10.64.30.2', gateway: HOST });
  await machine.do('ip route add default via 10.64.30.2; ip -n outside route add 10.0.0.0/8 via 10.64.30.1');
  await outside.serve(90);
  await machine.startDaemon();
  await machine.load();
  await machine.ok(['network', 'create', '--subnet', '10.64.31.0/24', 'lan']);
  await machine.ok(['network', 'create', '--subnet', '10.64.32.0/24', 'other']);
  await machine.ok(['network', 'create', '--internal', '--subnet', '10.64.33.0/24', 'inner']);
});
after(() => machine.stop());

const serve = (name: string, ...flags: string[]) =>
  machine.ok(['run', '-d', '--name', name, '--hostname', name, ...flags, ...SERVE]);
const get = (host: string, port = 80) =>
  `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 2 nc ${host} ${port} | tail -1; true`;
const inside = (network: string, script: string) =>
  machine.ok(['run', '--rm', '--network', network, 'busybox', 'sh', '-c', script]);

test('it is said once, in words, and there is no rule', () => {
  const said = machine.warnings().map(({ msg }) => msg);
  assert.equal(said.filter((text) => text.includes('nf_tables')).length, 1, said.join('\n'));
  assert.match(said.find((text) => text.includes('nf_tables')) ?? '', /proxy.*nothing masquerades.*beyond this host/);
});

test('published ports, TCP and UDP, from everywhere, and free again afterwards', async () => {
  await serve('web', '-p', '8080:80', '-p', '127.0.0.1:8081:80');
  await serve('db', '--network', 'lan', '-p', '8082:80');
  for (const place of ['127.0.0.1:8080', '[::1]:8080', `${HOST}:8080`, '127.0.0.1:8081'])
    assert.equal(await machine.get(`http://${place}/`), 'web', place);
  assert.equal(await outside.get(`http://${HOST}:8080/`), 'web');
  assert.equal(await outside.get(`http://${HOST}:8082/`), 'db');
  assert.equal(await outside.ask('tcp', HOST, 8081), 'ECONNREFUSED');
  assert.equal(await inside('bridge', get(HOST, 8080)), 'web');
  assert.equal(await inside('lan', get(HOST, 8080)), 'web');
  const taken = await machine.k3c(['run', '--rm', '-p', '8080:80', 'busybox', 'true']);
  assert.match(taken.stderr, /port is already allocated \(container web has it\)/);
  await machine.ok(['rm', '-f', 'web', 'db']);
  assert.equal(await outside.ask('tcp', HOST, 8080), 'ECONNREFUSED');
});

test('names are answered', async () => {
  await serve('db', '--network', 'lan', '--network-alias', 'store');
  assert.equal(await inside('lan', get('store')), 'db');
  await machine.ok(['rm', '-f', 'db']);
});

test('networks of users reach neither one another nor the outside, nor are they reached', async () => {
  await serve('lan1', '--network', 'lan', '--ip', '10.64.31.10');
  await serve('inner1', '--network', 'inner', '--ip', '10.64.33.10');
  assert.equal(await inside('lan', get('10.64.31.10')), 'lan1');
  const answers = await Promise.all([
    ...['other', 'bridge', 'inner'].map((network) => inside(network, get('10.64.31.10'))),
    inside('lan', get('10.64.33.10')),
    inside('lan', 'timeout 2 nc 10.64.30.2 90 < /dev/null; true'),
    outside.ask('tcp', '10.64.31.10', 80),
  ]);
  assert.deepEqual(answers, ['', '', '', '', '', 'TIMEOUT']);
  await machine.ok(['rm', '-f', 'lan1', 'inner1']);
});

test('a host’s loopback is closed to containers', async () => {
  await machine.serve('127.0.0.1', 7000);
  const [gateway] = (
    await machine.ok(['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'bridge'])
  ).split('\n');
  const flags = ['--cap-add', 'NET_ADMIN', '--sysctl', 'net.ipv4.conf.all.route_localnet=1', 'busybox', 'sh', '-c'];
  const script = `ip address del 127.0.0.1/8 dev lo; ip route add 127.0.0.0/8 via ${gateway}
    timeout 1 nc 127.0.0.1 7000 < /dev/null; true`;
  assert.equal(await machine.ok(['run', '--rm', ...flags, script]), '');
  // The way is real: with the setting that is not made here the container gets in.
  const setting = `/proc/sys/net/ipv4/conf/${machine.bridge}/route_localnet`;
  await machine.do(`echo 1 > ${setting}`);
  assert.match(await machine.ok(['run', '--rm', ...flags, script]), /^host /);
  await machine.do(`echo 0 > ${setting}`);
});

test('a daemon that is killed takes all of it up again', async () => {
  await serve('web', '-p', '8080:80');
  await machine.endDaemon('SIGKILL');
  await machine.startDaemon();
  assert.equal(await outside.get(`http://${HOST}:8080/`), 'web');
  await machine.ok(['rm', '-f', 'web']);
});
