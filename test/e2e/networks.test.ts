/** Networks that users make, with real traffic: who reaches whom, by which address, and what is left afterwards. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Daemon, startDaemon } from '../support/k3c.ts';

/** Networks are the machine's: another run of this file beside this one has others. */
const NET = `10.${128 + (process.pid % 120)}`;

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await daemon.ok(['network', 'create', 'lan']);
  await daemon.ok(['network', 'create', '--subnet', `${NET}.1.0/24`, '--label', 'tier=db', 'fixed']);
  await daemon.ok(['network', 'create', '--internal', 'inner']);
});
after(() => daemon.stop());

const SERVE = ['busybox', 'sh', '-c', 'hostname > /tmp/index.html; exec httpd -f -h /tmp -p 80'];

/** Starts a web server that answers with its hostname. */
async function serve(name: string, ...flags: readonly string[]): Promise<void> {
  await daemon.ok(['run', '-d', '--name', name, '--hostname', name, ...flags, ...SERVE]);
}

const inspect = (name: string, format: string) => daemon.ok(['inspect', '-f', format, name]);
const addressOf = (name: string, network: string) =>
  inspect(name, `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`);

/** What a command in a running container prints; undefined: nothing, or it failed or took longer than two seconds. */
async function within(name: string, script: string): Promise<string | undefined> {
  const { code, stdout } = await daemon.k3c(['exec', name, 'timeout', '2', 'sh', '-c', script]);
  return code === 0 && stdout !== '' ? stdout.trim() : undefined;
}

/** Debian's static busybox crashes in wget. */
function get(address: string): string {
  const [host, port = '80'] = address.split(':');
  return `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc ${host} ${port} | tail -1`;
}

async function curl(url: string): Promise<string> {
  return (await promisify(execFile)('curl', ['-s', '-m', '3', url])).stdout.trim();
}

const bridges = async () => (await readdir('/sys/class/net')).filter((name) => name.startsWith('k3c-'));
const namespaces = () => readdir(join(daemon.state, 'netns'));
async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 80; i++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`not so after eight seconds: ${what}`);
}
const remove = (...names: string[]) => daemon.ok(['rm', '-f', ...names]);

describe('create, ls, inspect, rm', () => {
  test('docker’s three and our own, by name and id', async () => {
    const names = (await daemon.ok(['network', 'ls', '--format', '{{.Name}} {{.Driver}}'])).split('\n');
    for (const line of ['bridge bridge', 'host host', 'none null', 'lan bridge', 'fixed bridge', 'inner bridge'])
      assert.ok(names.includes(line), line);
    const id = await daemon.ok(['network', 'inspect', '-f', '{{.Id}}', 'fixed']);
    assert.match(id, /^[0-9a-f]{64}$/);
    for (const reference of [id, id.slice(0, 12)])
      assert.equal(await daemon.ok(['network', 'inspect', '-f', '{{.Name}}', reference]), 'fixed');
    assert.equal(await daemon.ok(['network', 'ls', '-q', '--no-trunc', '-f', 'label=tier=db']), id);
    assert.equal(await daemon.ok(['inspect', '--type', 'network', '-f', '{{.Driver}}', 'fixed']), 'bridge');
    const [place] = JSON.parse(await daemon.ok(['network', 'inspect', '-f', '{{json .IPAM.Config}}', 'fixed']));
    assert.deepEqual(place, { Subnet: `${NET}.1.0/24`, Gateway: `${NET}.1.1` });
  });

  const refused: [args: string[], message: RegExp][] = [
    [['lan'], /network with name lan already exists/],
    [['bridge'], /operation is not permitted on predefined bridge network/],
    [['-d', 'overlay', 'x1'], /could not find plugin overlay in v1 plugin registry/],
    [['--subnet', `${NET}.1.128/25`, 'x1'], /Pool overlaps with other one on this address space: .*10\.\d+\.1\./],
    [['--subnet', '10.0.0.0', 'x1'], /invalid subnet 10.0.0.0: invalid CIDR block notation/],
    [['--subnet', `${NET}.3.0/24`, '--gateway', '10.9.9.9', 'x1'], /no matching subnet for gateway 10.9.9.9/],
    [['-o', 'com.example=1', 'x1'], /unknown option com.example/],
  ];
  for (const [args, message] of refused)
    test(`refuses ${args.join(' ')}`, async () => {
      const before = await bridges();
      const { code, stderr } = await daemon.k3c(['network', 'create', ...args]);
      assert.match(stderr, message);
      assert.equal(code, 1);
      assert.deepEqual(await bridges(), before);
    });

  test('a gateway, a range and an MTU of one’s own; rm takes the bridge away', async () => {
    const flags = ['--subnet', `${NET}.4.0/24`, '--gateway', `${NET}.4.254`, '--ip-range', `${NET}.4.64/26`];
    await daemon.ok(['network', 'create', ...flags, '-o', 'com.docker.network.driver.mtu=1300', 'odd']);
    const seen = await daemon.ok([
      'run',
      '--rm',
      '--network',
      'odd',
      'busybox',
      'sh',
      '-c',
      'ip -4 address show eth0; ip route',
    ]);
    assert.match(seen, /mtu 1300/);
    assert.match(seen, /inet 10\.\d+\.4\.64\/24/);
    assert.match(seen, /default via 10\.\d+\.4\.254/);
    const before = await bridges();
    assert.equal(await daemon.ok(['network', 'rm', 'odd']), 'odd');
    assert.equal((await bridges()).length, before.length - 1);
    const gone = await daemon.k3c(['network', 'rm', 'odd']);
    assert.match(gone.stderr, /network odd not found/);
    const predefined = await daemon.k3c(['network', 'rm', 'bridge']);
    assert.match(predefined.stderr, /bridge is a pre-defined network and cannot be removed/);
  });
});

describe('traffic', () => {
  before(async () => {
    await serve('web', '--network', 'lan');
    await serve('near', '--network', 'lan');
    await serve('far', '--network', 'fixed', '--ip', `${NET}.1.77`);
    await serve('shut', '--network', 'inner');
    await serve('plain');
  });
  after(() => remove('web', 'near', 'far', 'shut', 'plain'));

  test('neighbours reach one another, others do not', async () => {
    const web = await addressOf('web', 'lan');
    assert.equal(await within('near', get(web)), 'web');
    for (const stranger of ['far', 'shut', 'plain'])
      assert.equal(await within(stranger, get(web)), undefined, stranger);
    assert.equal(await addressOf('far', 'fixed'), `${NET}.1.77`);
    assert.equal(await within('web', get(`${NET}.1.77`)), undefined);
    assert.equal(await within('web', get(await inspect('plain', '{{.NetworkSettings.IPAddress}}'))), undefined);
  });

  test('inspect tells where the namespace is, on every network', async () => {
    for (const name of ['web', 'shut', 'plain']) {
      const [key = '', pid] = (await inspect(name, '{{.NetworkSettings.SandboxKey}} {{.State.Pid}}')).split(' ');
      const [told, own] = await Promise.all([stat(key), stat(`/proc/${pid}/ns/net`)]);
      assert.equal(told.ino, own.ino, name);
    }
  });

  test('an internal network leads nowhere', async () => {
    assert.equal(await within('shut', 'ip route | grep default'), undefined);
    assert.match((await within('web', 'ip route')) ?? '', /default via/);
  });

  test('connect and disconnect while it runs, and before the next start', async () => {
    await daemon.ok(['network', 'connect', '--alias', 'db', 'lan', 'far']);
    const web = await addressOf('web', 'lan');
    assert.equal(await within('far', get(web)), 'web');
    assert.equal(await within('near', get(await addressOf('far', 'lan'))), 'far');
    assert.equal(await daemon.ok(['ps', '-f', 'name=far', '--format', '{{.Networks}}']), 'fixed,lan');
    const twice = await daemon.k3c(['network', 'connect', 'lan', 'far']);
    assert.match(twice.stderr, /endpoint with name far already exists in network lan/);
    await daemon.ok(['restart', '-t', '0', 'far']);
    assert.equal(await within('far', get(web)), 'web');
    await daemon.ok(['network', 'disconnect', 'lan', 'far']);
    assert.equal(await within('far', get(web)), undefined);
    const again = await daemon.k3c(['network', 'disconnect', 'lan', 'far']);
    assert.match(again.stderr, /is not connected to network lan/);
  });

  test('from the default network to another one, and away from it', async () => {
    await daemon.ok(['network', 'connect', 'lan', 'plain']);
    const web = await addressOf('web', 'lan');
    assert.equal(await within('plain', get(web)), 'web');
    await daemon.ok(['restart', '-t', '0', 'plain']);
    assert.equal(await within('plain', get(web)), 'web');
    await daemon.ok(['network', 'disconnect', 'bridge', 'plain']);
    assert.equal(await within('plain', get(web)), 'web');
    assert.match((await within('plain', 'ip route')) ?? '', /default via .* dev eth1/);
    await daemon.ok(['restart', '-t', '0', 'plain']);
    assert.equal(await daemon.ok(['ps', '-f', 'name=plain', '--format', '{{.Networks}}']), 'lan');
    assert.equal(await within('plain', get(web)), 'web');
    await daemon.ok(['stop', '-t', '0', 'plain']);
    await daemon.ok(['network', 'connect', 'bridge', 'plain']);
    await daemon.ok(['start', 'plain']);
    assert.equal(await daemon.ok(['ps', '-f', 'name=plain', '--format', '{{.Networks}}']), 'bridge,lan');
    assert.equal(await within('plain', get(web)), 'web');
  });

  test('names are found after the network that it was started on is gone; off all networks no port is told', async () => {
    await daemon.ok(['network', 'create', 'short']);
    await serve('mover', '--network', 'short', '-p', '127.0.0.1:0:80');
    const ports = () => daemon.ok(['ps', '-f', 'name=mover', '--format', '{{.Ports}}']);
    assert.match(await ports(), /->80\/tcp/);
    await daemon.ok(['network', 'disconnect', 'short', 'mover']);
    assert.deepEqual([await ports(), await daemon.ok(['port', 'mover'])], ['', '']);
    await daemon.ok(['network', 'connect', 'lan', 'mover']);
    await daemon.ok(['network', 'rm', 'short']);
    assert.equal(await within('mover', get('web')), 'web');
    assert.match(await ports(), /->80\/tcp/);
    await remove('mover');
  });

  test('to the default network while it runs: its address, names, a way out, and back', async () => {
    await daemon.ok(['run', '-d', '--name', 'home', 'busybox', 'sleep', '1000']);
    await daemon.ok(['network', 'connect', 'bridge', 'shut']);
    const shut = await inspect('shut', '{{.NetworkSettings.IPAddress}}');
    assert.equal(await addressOf('shut', 'bridge'), shut);
    assert.equal(await within('home', get('shut')), 'shut');
    assert.equal(await within('home', get(shut)), 'shut');
    const home = await addressOf('home', 'bridge');
    assert.match(
      (await within('shut', `cat /etc/hosts; ip route; nslookup home`)) ?? '',
      new RegExp(`default via [\\s\\S]*${home}`),
    );
    assert.match((await within('shut', 'cat /etc/hosts')) ?? '', new RegExp(`^${shut}\tshut$`, 'm'));
    assert.equal(await daemon.ok(['ps', '-f', 'name=shut', '--format', '{{.Networks}}']), 'inner,bridge');
    // A daemon that comes back, and a new start, find it there.
    await daemon.end('SIGKILL');
    await daemon.start();
    assert.equal(await within('home', get(shut)), 'shut');
    await daemon.ok(['restart', '-t', '0', 'shut']);
    assert.equal(await within('home', get('shut')), 'shut');
    // One that started there and left comes back as it runs.
    await daemon.ok(['network', 'disconnect', 'bridge', 'home']);
    assert.equal(await within('home', get(shut)), undefined);
    await daemon.ok(['network', 'connect', 'bridge', 'home']);
    assert.equal(await within('home', get(await addressOf('shut', 'bridge'))), 'shut');
    const aliased = await daemon.k3c(['network', 'connect', '--alias', 'x', 'bridge', 'web']);
    assert.match(aliased.stderr, /network-scoped alias is supported only for containers in user defined networks/);
    await daemon.ok(['network', 'disconnect', 'bridge', 'shut']);
    assert.doesNotMatch((await within('shut', 'cat /etc/hosts; ip route')) ?? '', new RegExp(`default via|${shut}`));
    await remove('home');
    const leases = await readdir(join(daemon.state, 'cni/leases/k3c'));
    const held = (await daemon.ok(['network', 'inspect', '-f', '{{len .Containers}}', 'bridge'])).trim();
    await until(
      async () => (await readdir(join(daemon.state, 'cni/leases/k3c'))).filter(isIPv4).length === Number(held),
      `${held} of ${leases}`,
    );
  });

  test('several networks from the start, each with what is asked of it', async () => {
    const flags = [
      '--network',
      'name=lan,alias=multi',
      '--network',
      `name=fixed,ip=${NET}.1.55,mac-address=02:00:00:00:00:55`,
    ];
    await serve('multi', ...flags, '--network', 'inner', '-p', '80');
    assert.equal(await within('near', get('multi')), 'multi');
    assert.equal(await within('far', get(`${NET}.1.55`)), 'multi');
    assert.equal(await within('shut', get(await addressOf('multi', 'inner'))), 'multi');
    assert.equal(await daemon.ok(['ps', '-f', 'name=multi', '--format', '{{.Networks}}']), 'lan,fixed,inner');
    assert.equal(await inspect('multi', '{{.NetworkSettings.Networks.fixed.MacAddress}}'), '02:00:00:00:00:55');
    const hosts = (await within('multi', 'cat /etc/hosts')) ?? '';
    for (const network of ['lan', 'fixed', 'inner'])
      assert.match(hosts, new RegExp(`^${await addressOf('multi', network)}\tmulti$`, 'm'));
    const port = (await daemon.ok(['port', 'multi', '80'])).split('\n')[0]?.split(':').at(-1) ?? '';
    assert.equal(await curl(`http://127.0.0.1:${port}/`), 'multi');
    // The port follows to the next network that leads out, and comes back with one.
    await daemon.ok(['network', 'disconnect', 'lan', 'multi']);
    assert.equal(await curl(`http://127.0.0.1:${port}/`), 'multi');
    await daemon.ok(['network', 'disconnect', 'fixed', 'multi']);
    await assert.rejects(curl(`http://127.0.0.1:${port}/`));
    await daemon.ok(['network', 'connect', 'lan', 'multi']);
    assert.equal(await curl(`http://127.0.0.1:${port}/`), 'multi');
    await remove('multi');
  });

  test('the default network among several, first or later', async () => {
    for (const [name, ...networks] of [
      ['outer', 'bridge', 'name=lan,alias=second'],
      ['later', 'lan', 'bridge'],
    ] as const) {
      await serve(name, ...networks.flatMap((network) => ['--network', network]), '-p', '80');
      for (let turn = 0; turn < 2; turn++) {
        assert.equal(await within('plain', get(await addressOf(name, 'bridge'))), name);
        assert.equal(await within('near', get(name === 'outer' ? 'second' : name)), name);
        const port = (await daemon.ok(['port', name, '80'])).split('\n')[0]?.split(':').at(-1) ?? '';
        assert.equal(await curl(`http://127.0.0.1:${port}/`), name);
        await daemon.ok(['restart', '-t', '0', name]);
      }
      await remove(name);
    }
  });

  test('an address of the link layer on the default network', async () => {
    await serve('linked', '--mac-address', '02:00:00:00:00:77');
    assert.equal(await within('linked', 'cat /sys/class/net/eth0/address'), '02:00:00:00:00:77');
    assert.equal(
      await inspect('linked', '{{.NetworkSettings.MacAddress}} {{.HostConfig.NetworkMode}}'),
      '02:00:00:00:00:77 bridge',
    );
    assert.equal(await within('plain', get('linked')), 'linked');
    await daemon.ok(['restart', '-t', '0', 'linked']);
    assert.equal(await within('linked', 'cat /sys/class/net/eth0/address'), '02:00:00:00:00:77');
    await remove('linked');
  });

  test('another container’s network', async () => {
    const text = await daemon.ok([
      'run',
      '--rm',
      '--network',
      'container:web',
      'busybox',
      'sh',
      '-c',
      `hostname; ${get('127.0.0.1')}`,
    ]);
    assert.equal(text, 'web\nweb');
    const conflict = await daemon.k3c(['run', '--rm', '--network', 'container:web', '-p', '80', 'busybox', 'true']);
    assert.match(conflict.stderr, /conflicting options: port publishing and the container type network mode/);
    const stopped = await daemon.ok(['create', 'busybox', 'true']);
    const dead = await daemon.k3c(['run', '--rm', '--network', `container:${stopped}`, 'busybox', 'true']);
    assert.match(dead.stderr, /cannot join network of a non running container/);
    await remove(stopped);
  });

  test('published ports: from the host, its loopback, another network, and the container itself', async () => {
    await serve('pub', '--network', 'lan', '-p', '80');
    const port = (await daemon.ok(['port', 'pub', '80'])).split('\n')[0]?.split(':').at(-1) ?? '';
    const gateway = await inspect('pub', '{{.NetworkSettings.Networks.lan.Gateway}}');
    for (const host of ['127.0.0.1', '[::1]', gateway])
      assert.equal(await curl(`http://${host}:${port}/`), 'pub', host);
    for (const from of ['pub', 'web', 'far', 'plain'])
      assert.equal(await within(from, get(`${gateway}:${port}`)), 'pub', from);
    await remove('pub');
    await assert.rejects(curl(`http://127.0.0.1:${port}/`));
  });

  test('a network that somebody runs on is not removed, nor pruned', async () => {
    const { stderr } = await daemon.k3c(['network', 'rm', 'lan']);
    assert.match(stderr, /error while removing network: network lan has active endpoints/);
    await daemon.ok(['network', 'create', 'idle']);
    assert.equal(await daemon.ok(['network', 'prune', '-f']), 'Deleted Networks:\nidle\n');
    assert.match(await daemon.ok(['network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{end}}', 'lan']), /web/);
  });

  test('an address of the link layer', async () => {
    const flags = ['--network', 'lan', '--mac-address', '92-D0-C6-0A-29-33'];
    const text = await daemon.ok(['run', '--rm', ...flags, 'busybox', 'cat', '/sys/class/net/eth0/address']);
    assert.equal(text, '92:d0:c6:0a:29:33');
  });

  const refused: [flags: string[], message: RegExp][] = [
    [['--network', 'nowhere'], /network nowhere not found/],
    [['--network', 'lan', '--network', 'lan'], /network "lan" is specified multiple times/],
    [['--network', 'lan', '--network', 'host'], /cannot attach both user-defined and non-user-defined network-modes/],
    [['--network', 'name=lan,colour=red'], /invalid argument .* for "--network" flag: invalid field key colour/],
    [
      ['--network', `name=fixed,ip=${NET}.1.9`, '--ip', `${NET}.1.8`],
      /cannot specify both --ip and per-network IPv4 address/,
    ],
    [['--network', 'lan', '--ip', '172.18.9.9'], /only when connecting to networks with user configured subnets/],
    [['--ip', `${NET}.1.3`], /user specified IP address is supported on user defined networks only/],
    [['--network', 'fixed', '--ip', `${NET}.1.77`], /Address already in use/],
    [['--network', 'fixed', '--ip', `${NET}.2.1`], /invalid address 10\.\d+\.2\.1/],
    [['--network', 'host', '--mac-address', '92:d0:c6:0a:29:33'], /conflicting options: mac-address/],
    [['--network-alias', 'x'], /network-scoped alias is supported only for containers in user defined networks/],
  ];
  for (const [flags, message] of refused)
    test(`refuses ${flags.join(' ')}`, async () => {
      const { code, stderr } = await daemon.k3c(['run', '--rm', ...flags, 'busybox', 'true']);
      assert.match(stderr, message);
      assert.equal(code, 125);
    });

  test('a daemon that is killed finds networks and what is plugged in', async () => {
    const [web, names] = [await addressOf('web', 'lan'), await namespaces()];
    await daemon.end('SIGKILL');
    await daemon.start();
    assert.equal(await within('near', get(web)), 'web');
    assert.deepEqual(await namespaces(), names);
    assert.equal(await addressOf('web', 'lan'), web);
    const next = await daemon.ok(['run', '--rm', '--network', 'fixed', 'busybox', 'hostname', '-i']);
    assert.notEqual(next, `${NET}.1.77`);
    const told = ['events', '--since', '30m', '--until', '0s', '-f', 'type=network', '-f', 'event=connect'];
    const events = await daemon.ok([...told, '--format', '{{.Action}} {{.Actor.Attributes.name}}']);
    for (const network of ['bridge', 'lan', 'fixed']) assert.match(events, new RegExp(`^connect ${network}$`, 'm'));
  });
});
