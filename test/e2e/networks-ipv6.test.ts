/** Networks with addresses of both families, with real traffic: from neighbours, other networks, the host, and from outside of it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

/** The daemon's host, and a neighbour on its link that is its default route. */
const host = `k3ct-${randomBytes(4).toString('hex')}`;
const outside = `${host}-o`;
const hostAddress = 'fd00:62:100::1';
const outsideAddress = 'fd00:62:100::2';
const SIX = 'fd00:62:1::/64';

let daemon: Daemon;
const servers: ChildProcess[] = [];

async function sh(script: string): Promise<string> {
  const { code, stdout, stderr } = await run('sh', ['-ec', script]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

before(async () => {
  const end = host.slice(-8);
  await sh(`ip netns add ${host}; ip netns add ${outside}
    ip -n ${host} link set lo up; ip -n ${outside} link set lo up
    ip link add u${end} netns ${host} type veth peer name v${end} netns ${outside}
    ip -n ${host} address add 10.62.100.1/24 dev u${end}
    ip -n ${outside} address add 10.62.100.2/24 dev v${end}
    ip -n ${host} address add ${hostAddress}/64 dev u${end} nodad
    ip -n ${outside} address add ${outsideAddress}/64 dev v${end} nodad
    ip -n ${host} link set u${end} up; ip -n ${outside} link set v${end} up
    ip -n ${host} route add default via 10.62.100.2; ip -n ${host} route add default via ${outsideAddress}
    ip -n ${outside} route add ${SIX} via ${hostAddress}`);
  daemon = await startDaemon({ wrapper: ['nsenter', `--net=/run/netns/${host}`] });
  await daemon.ok(['network', 'create', '--ipv6', '--subnet', SIX, '--subnet', '10.62.101.0/24', 'six']);
  await daemon.ok(['network', 'create', '--ipv6', 'chosen']);
  await daemon.ok(['network', 'create', '--ipv6', '--internal', 'inner']);
  await daemon.ok(['network', 'create', 'four']);
  const flags: Record<string, string[]> = {
    web: ['--network', 'six', '-p', '8080:80', '-p', '8053:53/udp'],
    near: ['--network', 'six', '--ip6', 'fd00:62:1::77'],
    far: ['--network', 'chosen'],
    shut: ['--network', 'inner'],
    plain: [],
  };
  for (const [name, more] of Object.entries(flags))
    await daemon.ok(['run', '-d', '--name', name, '--hostname', name, ...more, 'busybox', 'sleep', '1000']);
  for (const name of Object.keys(flags).filter((each) => each !== 'plain'))
    await serve(await netnsOf(name), name, '::', 80);
  await serve(await netnsOf('web'), 'web', '::', 53);
  await serve(`/run/netns/${outside}`, 'outside', '::', 90);
  await serve(`/run/netns/${host}`, 'host', '::1', 7000);
});

after(async () => {
  for (const server of servers) server.kill('SIGKILL');
  try {
    const tables = async () => await sh(`ip netns exec ${host} nft list tables`);
    const links = async () => await sh(`ip -n ${host} -o link show type bridge`);
    await daemon.ok(['rm', '-f', 'web', 'near', 'far', 'shut', 'plain']);
    await daemon.ok(['network', 'rm', 'six', 'chosen', 'inner', 'four']);
    assert.doesNotMatch(await tables(), /table ip6/, 'the last network of IPv6 takes its rules along');
    assert.doesNotMatch(await links(), /k3c-/);
  } finally {
    await daemon.stop();
    await sh(`ip netns delete ${host}; ip netns delete ${outside}`);
  }
});

async function netnsOf(name: string): Promise<string> {
  // The process is noted a moment after the start.
  await until(async () => (await inspect(name, '{{.State.Pid}}')) !== '0', `${name} has a process`);
  return `/proc/${await inspect(name, '{{.State.Pid}}')}/ns/net`;
}

/** Answers with a name and the address that the question came from, over TCP and UDP, until the tests end. */
async function serve(netns: string, name: string, address: string, port: number): Promise<void> {
  const script = join(import.meta.dirname, '../support/answer-server.ts');
  const child = spawn('nsenter', [`--net=${netns}`, process.execPath, script, name, address, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  servers.push(child);
  await once(child.stdout, 'data');
}

/** What a server says to one who asks from a namespace; TIMEOUT after a second, else the code of the failure. */
async function ask(netns: string, address: string, port = 80, protocol = 'tcp'): Promise<string> {
  const script = join(import.meta.dirname, '../support/ask.ts');
  const { stdout } = await run('nsenter', [
    `--net=${netns}`,
    process.execPath,
    script,
    protocol,
    address,
    String(port),
  ]);
  return stdout;
}
const askFrom = async (name: string, address: string, port = 80) => await ask(await netnsOf(name), address, port);
const fromOutside = (port: number, protocol = 'tcp') => ask(`/run/netns/${outside}`, hostAddress, port, protocol);

/** The daemon's table of IPv6. */
const rules = () => sh(`ip netns exec ${host} nft list table ip6 k3c_${daemon.bridge}`);

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 80; i++) {
    if (await isSo()) return;
    await sleep(100);
  }
  assert.fail(`not so after eight seconds: ${what}`);
}

const inspect = (name: string, format: string) => daemon.ok(['inspect', '-f', format, name]);
const addressOf = (name: string, network: string) =>
  inspect(name, `{{(index .NetworkSettings.Networks "${network}").GlobalIPv6Address}}`);
const inside = (name: string, script: string) => daemon.ok(['exec', name, 'sh', '-c', script]);

describe('what is shown', () => {
  test('both families in network inspect, ls and inspect', async () => {
    const pools = JSON.parse(await daemon.ok(['network', 'inspect', '-f', '{{json .IPAM.Config}}', 'six']));
    assert.deepEqual(pools, [
      { Subnet: '10.62.101.0/24', Gateway: '10.62.101.1' },
      { Subnet: SIX, Gateway: 'fd00:62:1::1' },
    ]);
    const [, chosen] = JSON.parse(await daemon.ok(['network', 'inspect', '-f', '{{json .IPAM.Config}}', 'chosen']));
    assert.match(chosen.Subnet, /^fd[0-9a-f:]+::\/64$/);
    const listed = await daemon.ok(['network', 'ls', '--format', '{{.Name}} {{.IPv6}}']);
    for (const line of ['six true', 'four false', 'bridge false']) assert.ok(listed.split('\n').includes(line), line);
    const near = JSON.parse(await inspect('near', '{{json .NetworkSettings.Networks.six}}'));
    assert.equal(near.GlobalIPv6Address, 'fd00:62:1::77');
    assert.equal(near.GlobalIPv6PrefixLen, 64);
    assert.equal(near.IPv6Gateway, 'fd00:62:1::1');
    assert.deepEqual(near.IPAMConfig, { IPv6Address: 'fd00:62:1::77' });
    const members = '{{range .Containers}}{{.Name}} {{.IPv6Address}},{{end}}';
    assert.match(await daemon.ok(['network', 'inspect', '-f', members, 'six']), /near fd00:62:1::77\/64,/);
  });

  test('in the container: addresses at once, a way out, /etc/hosts, and names both ways', async () => {
    const web = await addressOf('web', 'six');
    const text = await daemon.ok([
      'run',
      '--rm',
      '--network',
      'six',
      'busybox',
      'sh',
      '-c',
      `ip -6 route; cat /etc/hosts; ping -6 -c 1 -W 1 ${web}; nslookup web; nslookup ${web}`,
    ]);
    assert.match(text, /^default via fd00:62:1::1 dev eth0/m);
    assert.match(text, /^fd00:62:1::[0-9a-f]+\t[0-9a-f]{12}$/m);
    assert.match(text, / 0% packet loss/);
    assert.ok(text.includes(`Address: ${web}\n`), text);
    assert.match(text, /ip6\.arpa\tname = web\.six/);
    assert.match(await inside('shut', 'ip -6 route'), /^(?!.*default)/s);
  });
});

test('the host goes on taking routes from its own routers, and takes none from containers', async () => {
  const names = (await sh(`ip -n ${host} -o link show`)).match(/(?<=^\d+: )[^:@]+/gm) ?? [];
  const accepts = async (name: string) =>
    await sh(`nsenter --net=/run/netns/${host} cat /proc/sys/net/ipv6/conf/${name}/accept_ra`);
  assert.equal(await sh(`nsenter --net=/run/netns/${host} cat /proc/sys/net/ipv6/conf/all/forwarding`), '1');
  assert.equal(await accepts(names.find((name) => name.startsWith('u')) ?? ''), '2');
  const bridges = names.filter((name) => name === daemon.bridge || name.startsWith('k3c-'));
  assert.equal(bridges.length, 5);
  for (const name of bridges) assert.equal(await accepts(name), '0', name);
});

describe('traffic', () => {
  test('neighbours reach one another, other networks and the outside do not', async () => {
    const web = await addressOf('web', 'six');
    assert.equal(await askFrom('near', web), 'web fd00:62:1::77');
    for (const stranger of ['far', 'shut'])
      assert.match(await askFrom(stranger, web), /^(TIMEOUT|ENETUNREACH)$/, stranger);
    assert.equal(await ask(`/run/netns/${outside}`, web), 'TIMEOUT');
    assert.equal(await askFrom('near', await addressOf('far', 'chosen')), 'TIMEOUT');
  });

  test('outward with the address of the host; from an internal network not at all', async () => {
    assert.equal(await askFrom('far', outsideAddress, 90), `outside ${hostAddress}`);
    assert.match(await askFrom('shut', outsideAddress, 90), /^(TIMEOUT|ENETUNREACH)$/);
  });

  test('published ports: from outside with the address that one asks from, from everywhere else too', async () => {
    assert.equal(await fromOutside(8080), `web ${outsideAddress}`);
    assert.equal(await fromOutside(8053, 'udp'), `web ${outsideAddress}`);
    const gateway = 'fd00:62:1::1';
    for (const address of ['::1', hostAddress, gateway, '127.0.0.1'])
      assert.match(await ask(`/run/netns/${host}`, address, 8080), /^web /, address);
    for (const name of ['web', 'near', 'far']) assert.match(await askFrom(name, hostAddress, 8080), /^web /, name);
  });

  test('a port on one address of IPv6', async () => {
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'one',
      '--network',
      'six',
      '-p',
      `[${hostAddress}]:8081:80`,
      'busybox',
      'sleep',
      '99',
    ]);
    await serve(await netnsOf('one'), 'one', '::', 80);
    assert.equal(await fromOutside(8081), `one ${outsideAddress}`);
    assert.equal(await ask(`/run/netns/${outside}`, '10.62.100.1', 8081), 'ECONNREFUSED');
    assert.equal(await ask(`/run/netns/${host}`, 'fd00:62:1::1', 8081), 'ECONNREFUSED');
    await daemon.ok(['rm', '-f', 'one']);
    assert.equal(await fromOutside(8081), 'ECONNREFUSED');
  });

  test('a port of a container on the default network has IPv6 of its own once another network gives it', async () => {
    await daemon.ok(['run', '-d', '--name', 'mixed', '-p', '8090:80', 'busybox', 'sleep', '99']);
    await serve(await netnsOf('mixed'), 'mixed', '::', 80);
    assert.match(await fromOutside(8090), /^mixed ::ffff:/, 'by the proxy');
    await daemon.ok(['network', 'connect', 'six', 'mixed']);
    assert.equal(await fromOutside(8090), `mixed ${outsideAddress}`);
    assert.equal(await askFrom('near', await addressOf('mixed', 'six')), 'mixed fd00:62:1::77');
    await daemon.ok(['network', 'disconnect', 'six', 'mixed']);
    assert.match(await fromOutside(8090), /^mixed ::ffff:/);
    await daemon.ok(['rm', '-f', 'mixed']);
  });

  test('a client of UDP that never pauses follows its port to another container', async () => {
    const script = `const socket = require('node:dgram').createSocket('udp6');
      socket.on('message', (data) => console.log(String(data))); socket.on('error', () => {});
      socket.bind(5555, () => setInterval(() => socket.send('ask', 8054, '${hostAddress}'), 50));`;
    const client = spawn('nsenter', [`--net=/run/netns/${outside}`, process.execPath, '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    servers.push(client);
    let heard = '';
    client.stdout.on('data', (data: Buffer) => {
      heard += data.toString();
    });
    for (const name of ['first', 'second']) {
      await daemon.ok(['run', '-d', '--name', name, '--network', 'six', '-p', '8054:53/udp', 'busybox', 'sleep', '99']);
      await serve(await netnsOf(name), name, '::', 53);
      await until(() => Promise.resolve(heard.includes(`${name} ${outsideAddress}`)), `${name} answers`);
      await daemon.ok(['rm', '-f', name]);
    }
    client.kill('SIGKILL');
  });

  test('the host’s loopback is closed to containers, though a port is published on it', async () => {
    assert.equal(await ask(`/run/netns/${host}`, '::1', 7000), 'host ::1');
    for (const address of ['fd00:62:1::1', hostAddress])
      assert.equal(await askFrom('web', address, 7000), 'ECONNREFUSED');
    // One that may change its network sends packets for ::1 to its gateway.
    const netns = await netnsOf('near');
    const enter = `nsenter --net=${netns}`;
    await sh(`${enter} ip address del ::1/128 dev lo; ${enter} ip route add ::1/128 via fd00:62:1::1`);
    assert.notEqual(await ask(netns, '::1', 7000), 'host ::1');
    await sh(`${enter} ip route del ::1/128 via fd00:62:1::1; ${enter} ip address add ::1/128 dev lo`);
  });

  test('connect and disconnect while it runs', async () => {
    await daemon.ok(['network', 'connect', '--ip6', 'fd00:62:1::99', 'six', 'far']);
    assert.equal(await askFrom('near', 'fd00:62:1::99'), 'far fd00:62:1::77');
    const taken = await daemon.k3c(['run', '--rm', '--network', 'six', '--ip6', 'fd00:62:1::99', 'busybox', 'true']);
    assert.match(taken.stderr, /Address already in use: fd00:62:1::99/);
    await daemon.ok(['network', 'disconnect', 'six', 'far']);
    assert.match(await askFrom('near', 'fd00:62:1::99'), /^(TIMEOUT|EHOSTUNREACH)$/);
  });

  test('those who have IPv4 alone stay without, though the host forwards IPv6 now', async () => {
    await daemon.ok(['run', '-d', '--name', 'old', '--network', 'four', 'busybox', 'sleep', '99']);
    const netns = await netnsOf('old');
    const id = await daemon.ok(['network', 'inspect', '-f', '{{.Id}}', 'four']);
    const bridge = `k3c-${id.slice(0, 11)}`;
    const router = await sh(
      `ip -n ${host} -6 -o address show dev ${bridge} scope link | sed 's/.*inet6 \\([^/]*\\).*/\\1/'`,
    );
    // An address of its own making, and the host's of the link as a router.
    const enter = `nsenter --net=${netns}`;
    await sh(
      `${enter} ip address add fd00:62:100::66/128 dev eth0 nodad; ${enter} ip route add default via ${router} dev eth0`,
    );
    await sh(
      `ip -n ${outside} route add fd00:62:100::66/128 via ${hostAddress}; ip -n ${host} route add fd00:62:100::66/128 dev ${bridge}`,
    );
    assert.equal(await ask(netns, outsideAddress, 90), 'TIMEOUT');
    // The way is real: without the rules it gets out, until they are put back, which may be before the question.
    let answer = '';
    for (let i = 0; i < 5 && answer !== 'outside fd00:62:100::66'; i++) {
      await sh(`ip netns exec ${host} nft flush chain ip6 k3c_${daemon.bridge} forward`);
      answer = await ask(netns, outsideAddress, 90);
    }
    assert.equal(answer, 'outside fd00:62:100::66');
    await until(async () => / drop$/m.test(await rules()), 'the rules come back');
    await daemon.ok(['rm', '-f', 'old']);
  });
});

const refused: [args: string[], message: RegExp][] = [
  [
    ['network', 'create', '--subnet', 'fd00:62:2::/64', 'x'],
    /fd00:62:2::\/64 is of IPv6, which the network does not have\nhint: .*--ipv6/,
  ],
  [
    ['network', 'create', '--ipv6', '--subnet', 'fd00:62:1:0:8::/80', 'x'],
    /Pool overlaps with .* collides with the address fd00:62:1::1/,
  ],
  [
    ['network', 'create', '--ipv6', '--subnet', 'fd00:62:100::/56', 'x'],
    /Pool overlaps with .* collides with the address fd00:62:100::1/,
  ],
  [['network', 'create', '--ipv6', '--gateway', 'fd00:62:2::9', 'x'], /no matching subnet for gateway fd00:62:2::9/],
  [
    ['network', 'create', '--ipv6', '--subnet', 'fd00:62:2::/64,fd00:62:3::/64', 'x'],
    /fd00:62:3::\/64 is one too many/,
  ],
  [
    ['run', '--rm', '--network', 'six', '--ip6', 'fd00:62:2::9', 'busybox', 'true'],
    /invalid address fd00:62:2::9: it is no host's in the subnet of network six/,
  ],
  [
    ['run', '--rm', '--network', 'six', '--ip6', '10.62.101.9', 'busybox', 'true'],
    /invalid IPv6 address: 10\.62\.101\.9/,
  ],
  [
    ['run', '--rm', '--network', 'chosen', '--ip6', 'fd00::9', 'busybox', 'true'],
    /only when connecting to networks with user configured/,
  ],
  [['run', '--rm', '--network', 'four', '--ip6', 'fd00::9', 'busybox', 'true'], /network four has no IPv6/],
  [
    ['run', '--rm', '--ip6', 'fd00::9', 'busybox', 'true'],
    /user specified IP address is supported on user defined networks only/,
  ],
];
for (const [args, message] of refused)
  test(`refuses ${args.join(' ')}`, async () => {
    const { code, stderr } = await daemon.k3c(args);
    assert.match(stderr, message);
    assert.notEqual(code, 0);
  });

test('a daemon that is killed finds addresses and ports; rules that are flushed come back', async () => {
  const [web, old] = [await addressOf('web', 'six'), await rules()];
  await daemon.end('SIGKILL');
  await daemon.start();
  assert.equal(await addressOf('web', 'six'), web);
  assert.equal(await fromOutside(8080), `web ${outsideAddress}`);
  const taken = await daemon.k3c(['run', '--rm', '--network', 'six', '--ip6', web, 'busybox', 'true']);
  assert.match(taken.stderr, /Address already in use/);
  assert.equal(await rules(), old);
  await sh(`ip netns exec ${host} nft flush ruleset`);
  await until(
    async () => (await fromOutside(8080)) === `web ${outsideAddress}`,
    'the port leads to the container again',
  );
  assert.equal(await rules(), old);
});

test('firewalls of others that drop what they do not know', async () => {
  const drop = 'add table ip6 other; add chain ip6 other forward { type filter hook forward priority 0; policy drop; }';
  await sh(`ip netns exec ${host} nft '${drop}'`);
  const listed = () => sh(`ip netns exec ${host} nft list table ip6 other`);
  await until(async () => /k3c to /.test(await listed()), 'the passage is there');
  assert.equal(await askFrom('far', outsideAddress, 90), `outside ${hostAddress}`);
  assert.equal(await fromOutside(8080), `web ${outsideAddress}`);
  await sh(`ip netns exec ${host} nft delete table ip6 other`);
});
