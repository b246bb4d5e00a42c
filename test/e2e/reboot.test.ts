/** A machine that loses its power: the disk stays, all that the kernel knew and what lay in /run is gone. Networks come back with what is on them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Machine, type Neighbour } from '../support/machine.ts';

const HOST = '10.64.20.1';
const SERVE = ['busybox', 'sh', '-c', 'mkdir -p /www; hostname > /www/index.html; exec httpd -f -h /www -p 80'];
const ALWAYS = ['--restart', 'always'];

let machine: Machine;
let outside: Neighbour;
let networks: string;

before(async () => {
  machine = await Machine.boot();
  await start();
  await machine.load();
  await machine.ok(['network', 'create', '--label', 'tier=db', 'lan']);
  await machine.ok(['network', 'create', '--subnet', '10.64.21.0/24', '--ip-range', '10.64.21.64/28', 'fixed']);
  await machine.ok(['network', 'create', '--internal', 'inner']);
  await machine.ok(['network', 'create', '--ipv6', '--subnet', 'fd64:22::/64', 'six']);
  await serve('plain', ...ALWAYS, '-p', '8080:80');
  await serve('web', ...ALWAYS, '--network', 'fixed', '--ip', '10.64.21.50', '-p', '8081:80');
  await serve('both', '--restart', 'unless-stopped', '--network', 'lan', '--network-alias', 'store');
  await machine.ok(['network', 'connect', 'fixed', 'both']);
  await serve('shut', ...ALWAYS, '--network', 'inner');
  await serve('sixer', ...ALWAYS, '--network', 'six', '-p', '8082:80');
  await machine.ok(['pod', 'create', 'duo', '-p', '8083:80', '--network', 'lan']);
  await machine.ok(['run', '-d', '--pod', 'duo', '--name', 'member', ...ALWAYS, ...SERVE]);
  await serve('once', '--network', 'lan');
  await serve('stopped', '--restart', 'unless-stopped', '--network', 'lan');
  await machine.ok(['stop', '-t', '0', 'stopped']);
  networks = await machine.ok(['network', 'ls', '--no-trunc']);
});
after(() => machine.stop());

/** The outside is plugged in and the daemon runs. */
async function start(): Promise<void> {
  outside = await machine.neighbour('outside', { address: '10.64.20.2', gateway: HOST });
  await machine.do('ip route add default via 10.64.20.2');
  await outside.serve(90);
  await machine.startDaemon();
}

const serve = (name: string, ...flags: string[]) =>
  machine.ok(['run', '-d', '--name', name, '--hostname', name, ...flags, ...SERVE]);
const inside = (network: string, script: string) =>
  machine.ok(['run', '--rm', '--network', network, 'busybox', 'sh', '-c', script]);
const get = (host: string) => `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc ${host} 80 | tail -1`;
const addressOn = (name: string, network: string) =>
  machine.ok(['inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name]);

async function running(): Promise<string[]> {
  return (await machine.ok(['ps', '-f', 'status=running', '--format', '{{.Names}}'])).split('\n').sort();
}

/** Restart policies act in the background. */
async function untilRunning(...names: string[]): Promise<void> {
  for (let i = 0; i < 150 && (await running()).length < names.length; i++) await sleep(100);
  assert.deepEqual(await running(), names);
}

/** Leases and namespaces are those of what runs. */
async function assertNothingStale(namespaces: number): Promise<void> {
  const state = `${machine.directory}/state`;
  const leases = await machine.do(`cd ${state}/cni/leases/k3c; ls | grep -c '^[0-9]'`);
  assert.equal(leases, '1'); // plain's
  assert.equal((await machine.do(`ls ${state}/netns`)).split('\n').length, namespaces);
}

test('networks, containers and ports come back, with addresses anew', { timeout: 120_000 }, async () => {
  await machine.powerOff();
  await machine.powerOn();
  await start();
  await untilRunning('both', 'member', 'plain', 'shut', 'sixer', 'web');
  assert.equal(await machine.ok(['network', 'ls', '--no-trunc']), networks);
  assert.match(await machine.ok(['network', 'inspect', '-f', '{{json .}}', 'fixed']), /"IPRange":"10\.64\.21\.64\/28"/);
  assert.equal(await outside.get(`http://${HOST}:8080/`), 'plain');
  assert.equal(await outside.get(`http://${HOST}:8081/`), 'web');
  assert.equal(await addressOn('web', 'fixed'), '10.64.21.50');
  assert.match(await addressOn('both', 'fixed'), /^10\.64\.21\.6\d$/);
  assert.equal(await outside.get(`http://${HOST}:8082/`), 'sixer');
  assert.equal(await outside.get(`http://${HOST}:8083/`), 'duo');
  assert.equal(await inside('lan', `${get('store')}; ${get('duo')}; ${get('member')}`), 'both\nduo\nduo');
  assert.match(
    await inside('six', 'nslookup sixer; ip -6 address show eth0'),
    /Address.*: fd64:22::.*inet6 fd64:22::/s,
  );
  assert.equal(await inside('fixed', get('both')), 'both');
  assert.equal(await inside('inner', get('shut')), 'shut');
  assert.equal(await inside('fixed', 'nc 10.64.20.2 90 < /dev/null'), `outside ${HOST}`);
  await assertNothingStale(5); // all but plain's
});

test('what had no policy is ended, and starts on its network', async () => {
  const states = await machine.ok(['ps', '-a', '--format', '{{.Names}} {{.State}}', '-f', 'status=exited']);
  assert.deepEqual(states.split('\n').sort(), ['once exited', 'stopped exited']);
  await machine.ok(['start', 'once', 'stopped']);
  assert.equal(await inside('lan', `${get('once')}; ${get('stopped')}`), 'once\nstopped');
  await machine.ok(['rm', '-f', 'once', 'stopped']);
});

test('a network whose addresses something else has taken meanwhile costs what is on it alone, until that is gone', {
  timeout: 120_000,
}, async () => {
  await machine.powerOff();
  await machine.powerOn();
  await machine.do(
    'ip link add vpn type veth peer name vpn-peer; ip link set vpn up; ip address add 10.64.21.99/24 dev vpn',
  );
  await start();
  await untilRunning('member', 'plain', 'shut', 'sixer');
  assert.equal(await outside.get(`http://${HOST}:8080/`), 'plain');
  const refused = await machine.k3c(['run', '--rm', '--network', 'fixed', 'busybox', 'true']);
  assert.equal(refused.code, 125);
  assert.match(
    refused.stderr,
    /network fixed is down: the bridge network 10\.64\.21\.0\/24 collides with the address 10\.64\.21\.99\/24 of vpn\n/,
  );
  await machine.do('ip link del vpn');
  await untilRunning('both', 'member', 'plain', 'shut', 'sixer', 'web');
  assert.equal(await outside.get(`http://${HOST}:8081/`), 'web');
  await assertNothingStale(5);
});

test('in the end nothing stays', async () => {
  await machine.ok(['pod', 'rm', '-f', 'duo']);
  await machine.ok(['rm', '-f', 'both', 'plain', 'shut', 'sixer', 'web']);
  await machine.endDaemon('SIGTERM');
  const ours = new RegExp(`^rule |^link k3c|^mount ${machine.directory}/state/|^process `);
  const left = (await machine.footprint()).filter((line) => ours.test(line));
  assert.deepEqual(left, []);
});
