/** The bridge itself: which network it gets, how pods are plugged in, and their addresses. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Code } from '../../src/api/errors.ts';
import {
  createHostNetwork,
  type HostNetwork,
  type HostNetworkOptions,
} from '../../src/daemon/engine/network/network.ts';
import { defaultNetworkId } from '../../src/daemon/engine/network/predefined.ts';
import { silentLog } from '../../src/host/log.ts';
import { NetlinkError, netlinkFailure } from '../../src/host/netlink/error.ts';
import { Family } from '../../src/host/netlink/nftables.ts';
import { findLink, listAddresses } from '../../src/host/netlink/rtnetlink.ts';
import { inheritedNetlinkSockets, NetlinkSocket, type Reply, type Request } from '../../src/host/netlink/socket.ts';
import { insideNetworkNamespace, runInNetworkNamespace, sh } from '../support/netns.ts';

const ask = join(import.meta.dirname, '../support/ask.ts');
/** NFT_MSG_NEWTABLE of nfnetlink's nf_tables (linux/netfilter/nf_tables.h). */
const NEW_TABLE = 10 << 8;
const plugin = join(import.meta.dirname, '../../vendor-bin/bin/k3c-cni');
const run = promisify(execFile);

/** What the plugin says: CNI's result, or its error. */
interface PluginResult {
  readonly cniVersion?: string;
  readonly interfaces?: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string; readonly gateway: string }[];
  readonly code?: number;
  readonly msg?: string;
}

if (!insideNetworkNamespace()) {
  test('the bridge in a network namespace', { timeout: 60_000 }, async (t) => {
    await runInNetworkNamespace(import.meta.filename, t.signal);
  });
} else {
  const sockets = inheritedNetlinkSockets(process.env);
  const { route } = sockets;
  assert.ok(route);
  let state: string;
  let running: HostNetwork[];

  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'k3c-bridge-'));
    running = [];
    sh(
      'ip link add uplink mtu 1400 type veth peer name uplink-peer; ip link set uplink up; ip link set uplink-peer up; ip address add 10.61.0.1/24 dev uplink; ip route add default via 10.61.0.2',
    );
  });
  afterEach(async () => {
    for (const network of running) await network.stop({ removeAll: true });
    rmSync(state, { recursive: true, force: true });
    sh('ip link del uplink');
  });

  const start = async (options: Partial<HostNetworkOptions> = {}): Promise<HostNetwork> => {
    const network = createHostNetwork({ stateDir: state, sockets, log: silentLog, ...options });
    await network.start(AbortSignal.timeout(5000));
    running.push(network);
    return network;
  };

  test('has the MTU of the default route, a network of its own and a MAC that stays', async () => {
    const network = await start();
    assert.deepEqual(network.bridge, {
      id: defaultNetworkId(),
      name: 'k3c0',
      cidr: '10.91.0.0/16',
      gateway: '10.91.0.1',
      mtu: 1400,
    });
    const link = findLink(route, 'k3c0');
    assert.equal(link?.mac, '02:6b:0a:5b:00:01');
    assert.equal(link.mtu, 1400);
    assert.ok(link.up);
    assert.match(sh('ip -4 address show k3c0'), /inet 10.91.0.1\/16 brd 10.91.255.255/);
    assert.equal(readFileSync('/proc/sys/net/ipv4/conf/k3c0/route_localnet', 'utf8').trim(), '1');
    assert.equal(readFileSync('/proc/sys/net/ipv4/conf/all/route_localnet', 'utf8').trim(), '0');
    assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(), '1');
  });

  test('a kernel without nf_tables of IPv6 is without networks of IPv6 alone', async () => {
    /** Answers as such a kernel does. */
    class WithoutIpv6 extends NetlinkSocket {
      override exchange(...requests: readonly Request[]): Reply[] {
        const refused = requests.find(({ type, payload }) => type === NEW_TABLE && payload[0] === Family.IPV6);
        if (refused === undefined) return super.exchange(...requests);
        throw new NetlinkError([netlinkFailure(refused.operation, constants.errno.EOPNOTSUPP)]);
      }
    }
    const netfilter = new WithoutIpv6(Number(process.env['K3C_NL_FD']?.split(',')[0]));
    const plain = { subnet: '10.64.4.0/24', gateway: '10.64.4.1', ipRange: '', internal: false, mtu: 0 };
    const four = { ...plain, id: 'four', name: 'four', bridge: 'k3c-four' };
    const ipv6 = { subnet: 'fd64::/64', gateway: 'fd64::1', ipRange: '' };
    const six = {
      ...plain,
      id: 'six',
      name: 'six',
      bridge: 'k3c-six',
      subnet: '10.64.5.0/24',
      gateway: '10.64.5.1',
      ipv6,
    };
    const network = await start({ networks: () => [four, six], sockets: { ...sockets, netfilter } });
    assert.deepEqual(
      network.named.bridges().map(({ name }) => name),
      ['k3c-four'],
    );
    assert.equal(findLink(route, 'k3c-six'), undefined);
    assert.match(sh('nft list table ip k3c'), /k3c-four/);
    assert.doesNotMatch(sh('nft list tables'), /ip6/);
    await network.reconcile([]);
    assert.throws(() => network.named.plug('one', '/nowhere', { network: 'six', ip: '', mac: '' }), {
      message: 'network six is down: networks of IPv6 need nf_tables of IPv6, which this kernel does not have',
    });
    await assert.rejects(network.addNetwork({ ...six, id: 'more' }), { code: Code.FAILED_PRECONDITION });
    network.removeNetwork('six');
    assert.deepEqual(network.named.down(), []);
  });

  test('takes the MTU that the default route itself has', async () => {
    sh('ip route replace default via 10.61.0.2 mtu 1280');
    assert.equal((await start()).bridge.mtu, 1280);
  });

  test('takes another network where the first is in use, as an address or as a route', async () => {
    sh(
      'ip address add 10.91.77.1/24 dev uplink; ip route add 10.92.3.0/24 via 10.61.0.3; ip route add blackhole 10.93.0.0/17',
    );
    assert.equal((await start()).bridge.cidr, '10.94.0.0/16');
  });

  test('leaves 10.0.0.0/8 where all of it is routed', async () => {
    sh('ip route add 10.0.0.0/8 via 10.61.0.3');
    assert.equal((await start()).bridge.cidr, '172.30.0.0/16');
  });

  test('takes the halves of everything, as a VPN routes them, for a default route', async () => {
    sh('ip link add tun9 mtu 1300 type veth peer name tun9-peer; ip link set tun9 up; ip link set tun9-peer up');
    sh('ip route add 0.0.0.0/1 dev tun9; ip route add 128.0.0.0/1 dev tun9');
    const { bridge } = await start();
    assert.deepEqual([bridge.cidr, bridge.mtu], ['10.91.0.0/16', 1300]);
    sh('ip link del tun9');
  });

  test('keeps its network where a route to it appears later, and says so; a new one is refused', async () => {
    const lan = {
      ...{ id: 'lan', name: 'lan', bridge: 'k3c-lan', subnet: '10.64.2.0/24', gateway: '10.64.2.1' },
      ...{ ipRange: '', internal: false, mtu: 0 },
    };
    const first = await start({ bridgeCidr: '10.64.0.0/24' });
    await first.addNetwork(lan);
    await first.stop({ removeAll: false });
    sh('ip route add 10.64.0.0/16 via 10.61.0.2');
    const warnings: [object, string][] = [];
    const log = { ...silentLog, warn: (...words: [object, string]) => warnings.push(words) };
    const again = await start({ bridgeCidr: '10.64.0.0/24', networks: () => [lan], log });
    assert.equal(again.bridge.cidr, '10.64.0.0/24');
    assert.equal(again.named.bridges()[0]?.name, 'k3c-lan');
    const said =
      'containers are on a network that overlaps the route to 10.64.0.0/16 over uplink: the two may not reach one another';
    assert.deepEqual(warnings, [
      [{ bridge: 'k3c0', network: '10.64.0.0/24' }, said],
      [{ bridge: 'k3c-lan', network: '10.64.2.0/24' }, said],
    ]);
    await assert.rejects(
      again.addNetwork({ ...lan, id: 'new', bridge: 'k3c-new', subnet: '10.64.3.0/24', gateway: '10.64.3.1' }),
      {
        code: Code.FAILED_PRECONDITION,
        message: 'the bridge network 10.64.3.0/24 collides with the route to 10.64.0.0/16 over uplink',
      },
    );
    assert.equal(findLink(route, 'k3c-new'), undefined);
  });

  test('a daemon that comes back takes away interfaces that nobody has noted, and no others', async () => {
    const networkOf = (id: string, third: number) => ({
      ...{ id, name: id, bridge: `k3c-${id}`, subnet: `10.64.${third}.0/24`, gateway: `10.64.${third}.1` },
      ...{ ipRange: '', internal: false, mtu: 0 },
    });
    const networks = [networkOf('lan', 2), networkOf('wan', 3)];
    const first = await start({ bridgeCidr: '10.64.0.0/24', networks: () => networks });
    const plug = (owner: string, netns: string, network: string) =>
      first.named.plug(owner, netns, { network, ip: '', mac: '' }).interface;
    const noted = plug('one', first.named.open('one'), 'lan');
    const cutOff = plug('one', join(state, 'netns/one'), 'wan');
    // Of a start that was cut off: it goes as a whole, with its namespace.
    plug('two', first.named.open('two'), 'wan');
    // A pod's namespace is known by a process in it.
    sh('ip netns add pod');
    const ofPod = plug('pod', '/run/netns/pod', 'lan');
    const ofPodCutOff = plug('pod', '/run/netns/pod', first.bridge.id);
    // A user's on the bridge, and a container's own.
    sh(`ip link add vethmine type veth peer name theirs; ip link set vethmine master k3c-wan
      nsenter --net=${join(state, 'netns/one')} ip link add eth7 type veth peer name eth8`);
    await first.stop({ removeAll: false });

    const again = await start({ bridgeCidr: '10.64.0.0/24', networks: () => networks });
    const plugged = [
      { owner: 'one', interfaces: [noted] },
      { owner: 'pod', netns: '/run/netns/pod', interfaces: [ofPod] },
      // The host's own is never looked into.
      { owner: 'host', netns: '/proc/self/ns/net', interfaces: [] },
      { owner: 'gone', interfaces: [] },
    ];
    const linksOf = (file: string) =>
      sh(`nsenter --net=${file} ip -o link`)
        .match(/\beth\d(?=[@:])/g)
        ?.toSorted();
    const own = ['eth7', 'eth7', 'eth8', 'eth8'];
    assert.deepEqual(linksOf(join(state, 'netns/one')), [noted, cutOff, ...own]);
    assert.deepEqual(linksOf('/run/netns/pod'), [ofPod, ofPodCutOff]);
    const ports = () => sh('ip -o link').match(/ veth[0-9a-f]{8}@/g)?.length;
    assert.equal(ports(), 5);
    assert.equal(again.named.removeStrays(plugged), 2);
    assert.equal(ports(), 3);
    assert.deepEqual(linksOf(join(state, 'netns/one')), [noted, ...own]);
    assert.deepEqual(linksOf(join(state, 'netns/two')), ['eth0']);
    assert.deepEqual(linksOf('/run/netns/pod'), [ofPod]);
    assert.match(sh('ip -o link show master k3c-wan'), /vethmine/);
    assert.equal(again.named.removeStrays(plugged), 0);
    again.named.adopt('one', []);
    assert.equal(again.named.sweep(), 1);
    again.named.close('one');
    sh('ip link del vethmine; ip netns del pod');
  });

  test('refuses a wanted network that collides, and leaves nothing behind', async () => {
    await assert.rejects(start({ bridgeCidr: '10.61.0.0/16' }), {
      code: Code.FAILED_PRECONDITION,
      message: 'the bridge network 10.61.0.0/16 collides with the address 10.61.0.1/24 of uplink',
    });
    assert.equal(findLink(route, 'k3c0'), undefined);
  });

  test('refuses a bridge name that is something else', async () => {
    await assert.rejects(start({ bridgeName: 'uplink' }), {
      code: Code.FAILED_PRECONDITION,
      message: 'uplink is there already and is not a bridge',
    });
  });

  test('keeps its network over a restart, changes it when asked, but not under containers', async () => {
    await start({ bridgeCidr: '10.62.0.1/16' }).then((network) => network.stop({ removeAll: false }));
    const again = await start();
    assert.equal(again.bridge.cidr, '10.62.0.0/16');
    await again.stop({ removeAll: false });
    const moved = await start({ bridgeCidr: '10.63.5.1/24' });
    assert.deepEqual(moved.bridge, {
      id: defaultNetworkId(),
      name: 'k3c0',
      cidr: '10.63.5.0/24',
      gateway: '10.63.5.1',
      mtu: 1400,
    });
    const index = findLink(route, 'k3c0')?.index;
    assert.deepEqual(
      listAddresses(route).filter(({ linkIndex }) => linkIndex === index),
      [{ linkIndex: index, address: '10.63.5.1', prefix: 24 }],
    );
    await moved.stop({ removeAll: false });
    sh('ip link add port0 type veth peer name port0-peer; ip link set port0 master k3c0');
    await assert.rejects(start({ bridgeCidr: '10.64.0.0/16' }), {
      code: Code.FAILED_PRECONDITION,
      message: /containers on it/,
    });
    sh('ip link del port0');
    running.push(await start());
  });

  test('two daemons that start at once get two networks', async () => {
    const [one, two] = await Promise.all([start(), start({ bridgeName: 'k3c1', stateDir: join(state, 'two') })]);
    assert.notEqual(one?.bridge.cidr, two?.bridge.cidr);
  });

  /** As containerd calls it for a pod whose namespace has its name. */
  const cni = async (socket: string, command: string, id: string, input: object = {}): Promise<PluginResult> => {
    const called = run(plugin, {
      env: {
        ...{ CNI_COMMAND: command, CNI_CONTAINERID: id, CNI_NETNS: `/run/netns/${id}`, CNI_IFNAME: 'eth0' },
        K3C_CNI_SOCKET: socket,
      },
    });
    // What the daemon does not want the plugin does not read.
    called.child.stdin?.on('error', (error: NodeJS.ErrnoException) => assert.equal(error.code, 'EPIPE'));
    called.child.stdin?.end(JSON.stringify(input));
    const { stdout } = await called.catch((error: { stdout: string }) => error);
    return JSON.parse(stdout);
  };

  test('a pod gets an interface by the CNI plugin and gives it back; those of pods that are gone are freed', async () => {
    const network = await start();
    const conflist = JSON.parse(readFileSync(join(network.cniConfDir, '10-k3c.conflist'), 'utf8'));
    assert.deepEqual(conflist.plugins, [{ type: basename(plugin) }]);
    const add = (id: string) => cni(network.pluginSocket, 'ADD', id);
    const before = findLink(route, 'k3c0');
    sh('ip netns add sandbox1; ip netns add sandbox2');
    const result = await add('sandbox1');
    const [bridge, outside, inside] = result.interfaces ?? [];
    assert.equal(result.cniVersion, conflist.cniVersion);
    assert.deepEqual(result.ips, [{ interface: 2, address: '10.91.0.2/16', gateway: '10.91.0.1' }]);
    assert.equal(bridge?.name, 'k3c0');
    assert.deepEqual(inside, { name: 'eth0', mac: '02:42:0a:5b:00:02', sandbox: '/run/netns/sandbox1' });
    assert.equal(findLink(route, outside?.name ?? '')?.master, before?.index);
    await add('sandbox2');
    assert.deepEqual([findLink(route, 'k3c0')?.mac, findLink(route, 'k3c0')?.index], [before?.mac, before?.index]);
    assert.match(sh('ip -n sandbox1 link show eth0'), /mtu 1400 .*\n.*02:42:0a:5b:00:02/);
    assert.match(sh('ip -n sandbox1 route'), /default via 10.91.0.1/);
    // The other sandbox answers: it has no server there.
    assert.equal(sh(`ip netns exec sandbox1 ${process.execPath} ${ask} tcp 10.91.0.3 80`), 'ECONNREFUSED');

    assert.match((await add('nowhere')).msg ?? '', /ENOENT.*\/run\/netns\/nowhere/);
    assert.match((await add('sandbox1')).msg ?? '', /pod sandbox1 is on the default network already/);
    // The daemon hangs up: the plugin says so instead of dying of a broken pipe.
    const cutOff = await cni(network.pluginSocket, 'ADD', 'sandbox3', { more: 'x'.repeat(4 << 20) });
    assert.deepEqual([cutOff.code, /daemon does not answer/.test(cutOff.msg ?? '')], [11, true]);
    assert.match((await cni(network.pluginSocket, 'CHECK', 'sandbox1')).msg ?? '', /does not know the command CHECK/);

    // Sandboxes of this daemon's own time are left alone; the next daemon looks at them.
    assert.equal(await network.releaseStaleLeases(new Set()), 0);
    await network.stop({ removeAll: false });
    const { code, msg } = await cni(network.pluginSocket, 'ADD', 'sandbox3');
    assert.deepEqual([code, /daemon does not answer/.test(msg ?? '')], [11, true]);
    await sleep(50);
    const next = await start();
    assert.equal(await next.releaseStaleLeases(new Set(['sandbox1', 'sandbox2'])), 0);
    assert.equal(await next.releaseStaleLeases(new Set(['sandbox2'])), 1);
    // Something keeps its namespace, and no DEL will come.
    for (let i = 0; findLink(route, outside?.name ?? '') !== undefined; i++) {
      assert.ok(i < 50, 'its interface goes');
      await sleep(100);
    }
    assert.equal(await next.releaseStaleLeases(new Set(['sandbox2'])), 0);
    assert.deepEqual(readdirSync(join(state, 'cni/leases/k3c')), ['10.91.0.3']);
  });

  test('a pod that is gone leaves nothing, also where its namespace is kept', async () => {
    const network = await start({ bridgeCidr: '10.64.6.0/29' });
    sh('ip netns add one; ip netns add two; ip netns add connected');
    let last: PluginResult | undefined;
    for (const id of ['a', 'b', 'c', 'd']) {
      sh(`ip netns add ${id}`);
      last = await cni(network.pluginSocket, 'ADD', id);
    }
    const first = await cni(network.pluginSocket, 'ADD', 'one');
    const hostEnd = first.interfaces?.[1]?.name ?? '';
    assert.match(
      (await cni(network.pluginSocket, 'ADD', 'two')).msg ?? '',
      /no available IPv4 addresses.*--bridge-cidr/,
    );
    assert.deepEqual(await cni(network.pluginSocket, 'DEL', 'one', { prevResult: first }), {});
    assert.ok(findLink(route, hostEnd), 'deleting it would hold the daemon up');
    const second = await cni(network.pluginSocket, 'ADD', 'two');
    assert.deepEqual(second.ips, first.ips);
    assert.equal(findLink(route, hostEnd), undefined, 'two pods never have one address');
    await cni(network.pluginSocket, 'DEL', 'two', { prevResult: second });
    await cni(network.pluginSocket, 'DEL', 'two', { prevResult: second });
    const request = { network: defaultNetworkId(), ip: '', mac: '' };
    const connected = network.named.plug('connected', '/run/netns/connected', request);
    assert.equal(`${connected.ip}/29`, first.ips?.[0]?.address);
    assert.equal(findLink(route, second.interfaces?.[1]?.name ?? ''), undefined, 'nor a pod and what is connected');
    // containerd has lost the answer to the ADD.
    await cni(network.pluginSocket, 'DEL', 'd');
    const left = last?.interfaces?.[1]?.name ?? '';
    assert.ok(findLink(route, left));
    assert.deepEqual((await cni(network.pluginSocket, 'ADD', 'd')).msg, undefined, 'at once again');
    await cni(network.pluginSocket, 'DEL', 'd');
    for (let i = 0; findLink(route, left) !== undefined; i++) {
      assert.ok(i < 50, 'it goes in the end');
      await sleep(100);
    }
    assert.equal(readdirSync(join(state, 'cni/leases/k3c')).length, 4);
  });

  test('without netlink sockets says how to start it', async () => {
    await assert.rejects(start({ sockets: { netfilter: undefined, route: undefined } }), {
      code: Code.FAILED_PRECONDITION,
      message: 'the daemon has no netlink sockets',
    });
  });
}
