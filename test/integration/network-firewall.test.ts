/** The packet rules beside those of others: what they shut, what they open, what happens when someone removes them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHostNetwork } from '../../src/daemon/engine/network/network.ts';
import { silentLog } from '../../src/host/log.ts';
import { inheritedNetlinkSockets } from '../../src/host/netlink/socket.ts';
import { askTcp } from '../support/ask.ts';
import { hasCommand, insideNetworkNamespace, runInNetworkNamespace, sh } from '../support/netns.ts';
import { askFrom, hostAddress, makePodNetwork, type PodNetwork, portRequest } from '../support/pod-network.ts';

const settleMs = 350; // three checks of the network under test
const withNft = { skip: hasCommand('nft') ? false : 'needs nft (Debian: nftables)' };
const withLegacy = { skip: hasCommand('iptables-legacy') ? false : 'needs iptables-legacy (Debian: iptables)' };
const withBridgeNetfilter = {
  skip:
    hasCommand('iptables-nft') && existsSync('/proc/sys/net/bridge') ? false : 'needs iptables-nft and br_netfilter',
};
const withIptables = { skip: hasCommand('iptables-nft') ? false : 'needs iptables-nft (Debian: iptables)' };

const listing = [
  'table ip k3c {',
  'map any {',
  'type inet_proto . inet_service : ipv4_addr . inet_service',
  'elements = { tcp . 8080 : 10.91.0.11 . 80 }',
  '}',
  'map one {',
  'type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service',
  'elements = { 127.0.0.1 . udp . 53 : 10.91.0.12 . 80 }',
  '}',
  'chain dnat {',
  'dnat ip to ip daddr . meta l4proto . th dport map @one',
  'dnat ip to meta l4proto . th dport map @any',
  '}',
  'chain prerouting {',
  'type nat hook prerouting priority -100; policy accept;',
  'fib daddr type local jump dnat',
  '}',
  'chain output {',
  'type nat hook output priority -100; policy accept;',
  'fib daddr type local jump dnat',
  '}',
  'chain postrouting {',
  'type nat hook postrouting priority 100; policy accept;',
  'ip saddr 10.91.0.0/16 oifname != "k3c0" oifname != "lo" masquerade',
  'ip saddr 10.91.0.0/16 oifname "k3c0" ct status dnat masquerade',
  'ip saddr 127.0.0.0/8 oifname "k3c0" masquerade',
  '}',
  'chain raw {',
  'type filter hook prerouting priority -300; policy accept;',
  'iifname "k3c0" ip daddr 127.0.0.0/8 drop',
  'iifname "k3c0" ip saddr 127.0.0.0/8 drop',
  '}',
  'chain forward {',
  'type filter hook forward priority -150; policy accept;',
  'iifname "k3c0" tcp flags syn tcp option maxseg size set rt mtu',
  'oifname "k3c0" tcp flags syn tcp option maxseg size set rt mtu',
  'oifname "k3c0" iifname != "k3c0" ct state ! established,related ct status ! dnat drop',
  '}',
  '}',
];

if (!insideNetworkNamespace()) {
  test('packet rules beside those of others', { timeout: 120_000 }, async (t) => {
    await runInNetworkNamespace(import.meta.filename, t.signal);
  });
} else {
  let net: PodNetwork;
  before(async () => {
    net = await makePodNetwork();
    await net.publish('web', net.pod1, portRequest(8080));
  });
  after(async () => {
    await net[Symbol.asyncDispose]();
  });

  const assertOpen = async (): Promise<void> => {
    assert.equal(await askFrom(net.outside, 'tcp', hostAddress, 8080), 'pod1 10.61.0.2');
    assert.equal(await askFrom(net.pod1, 'tcp', net.outside.address, 90), 'outside 10.61.0.1');
    assert.match(await askFrom(net.pod1, 'tcp', hostAddress, 8080), /^pod1 /);
    assert.match(await askTcp('127.0.0.1', 8080), /^pod1 /);
  };
  const count = (text: string, needle: string): number => text.split(needle).length - 1;

  test('nft reads the table as it is meant', withNft, async () => {
    await net.publish('listed', net.pod2, portRequest(53, { protocol: 'udp', hostIp: '127.0.0.1' }));
    const lines = sh('nft -y list table ip k3c')
      .split('\n')
      .map((line) => line.trim());
    assert.deepEqual(
      lines.filter((line) => line !== ''),
      listing,
    );
    await net.network.release('listed');
  });

  describe('loopback of the host', () => {
    before(async () => {
      // A container that may change its network (NET_ADMIN) can send packets for 127.0.0.1 to its gateway.
      sh(`ip netns exec pod2 sh -ec '
        ip address del 127.0.0.1/8 dev lo
        echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
        ip route add 127.0.0.0/8 via 10.91.0.1'`);
    });
    after(() => {
      sh(
        "ip netns exec pod2 sh -ec 'ip route del 127.0.0.0/8; ip address add 127.0.0.1/8 dev lo; echo 0 > /proc/sys/net/ipv4/conf/all/route_localnet'",
      );
    });
    test('is closed to containers', async () => {
      const server = createServer((socket) => socket.end('secret of the host')).listen(7000, '127.0.0.1');
      await once(server, 'listening');
      try {
        assert.equal(await askFrom(net.pod2, 'tcp', '127.0.0.1', 7000), 'TIMEOUT');
        // The way is real: without the rule the container gets in.
        await net.restart({ checkIntervalMs: 3_600_000 });
        sh('nft flush chain ip k3c raw');
        assert.equal(await askFrom(net.pod2, 'tcp', '127.0.0.1', 7000), 'secret of the host');
      } finally {
        server.close();
        const network = await net.restart();
        await network.reconcile([
          { owner: 'web', ownerName: 'web', podIp: net.pod1.address, ports: [portRequest(8080)] },
        ]);
      }
    });
  });

  test(
    'questions for names pass a firewall that drops what comes in, and nothing else does',
    withIptables,
    async () => {
      const { gateway } = net.network.bridge;
      const answering = createServer((socket) => socket.end('a name')).listen(15_353, gateway);
      const other = createServer((socket) => socket.end('another service')).listen(7000, gateway);
      await Promise.all([once(answering, 'listening'), once(other, 'listening')]);
      try {
        sh('iptables-nft -P INPUT DROP; iptables-nft -A INPUT -i lo -j ACCEPT');
        net.network.leadNames('k3c0', gateway, 15_353);
        assert.equal(await askFrom(net.pod1, 'tcp', gateway, 53), 'a name');
        assert.equal(await askFrom(net.pod1, 'tcp', gateway, 7000), 'TIMEOUT');
        assert.equal(await askFrom(net.outside, 'tcp', hostAddress, 15_353), 'TIMEOUT');
        assert.match(sh('iptables-nft -S INPUT'), /-A INPUT -i k3c0 .*--dport 15353.* -j ACCEPT/);
        // A reload of the firewall takes it away, and another port takes its place.
        sh('iptables-nft -F INPUT; iptables-nft -A INPUT -i lo -j ACCEPT');
        await sleep(settleMs);
        assert.equal(await askFrom(net.pod1, 'tcp', gateway, 53), 'a name');
        net.network.leadNames('k3c0', gateway, 7000);
        assert.equal(await askFrom(net.pod1, 'tcp', gateway, 53), 'another service');
        assert.equal(count(sh('iptables-nft -S INPUT'), '-i k3c0'), 2);
        net.network.leadNames('k3c0', gateway, undefined);
        assert.equal(await askFrom(net.pod1, 'tcp', gateway, 53), 'TIMEOUT');
        assert.equal(count(sh('iptables-nft -S INPUT'), '-i k3c0'), 0);
      } finally {
        sh('iptables-nft -P INPUT ACCEPT; iptables-nft -F INPUT');
        answering.close();
        other.close();
      }
    },
  );

  test(
    'a network that is removed leaves no rule behind, though names are answered there a moment longer',
    withIptables,
    async () => {
      const subnet = { subnet: '10.64.4.0/24', gateway: '10.64.4.1' };
      sh('iptables-nft -P INPUT DROP; iptables-nft -A INPUT -i lo -j ACCEPT');
      try {
        await net.network.addNetwork({
          id: 'lan',
          name: 'lan',
          bridge: 'k3c-lan',
          ...subnet,
          ipRange: '',
          internal: false,
          mtu: 0,
        });
        net.network.leadNames('k3c-lan', subnet.gateway, 15_353);
        assert.equal(count(sh('iptables-nft -S INPUT'), '-i k3c-lan'), 2);
        net.network.removeNetwork('lan');
        assert.equal(count(sh('nft list ruleset'), 'k3c-lan'), 0);
        net.network.leadNames('k3c-lan', subnet.gateway, 15_354);
        net.network.leadNames('k3c-lan', subnet.gateway, undefined);
        assert.equal(count(sh('nft list ruleset'), 'k3c-lan'), 0);
        assert.equal(count(sh('nft list ruleset'), subnet.gateway), 0);
      } finally {
        sh('iptables-nft -P INPUT ACCEPT; iptables-nft -F INPUT');
      }
    },
  );

  test('a neighbour that routes to the pods through this host reaches published ports alone', async () => {
    sh('ip netns exec outside ip route add 10.91.0.0/16 via 10.61.0.1');
    assert.equal(await askFrom(net.outside, 'tcp', net.pod1.address, 80), 'TIMEOUT');
    await assertOpen();
    assert.match(await askTcp(net.pod1.address, 80), /^pod1 /); // the host itself may
    sh('ip netns exec outside ip route del 10.91.0.0/16');
  });

  test('a flushed ruleset is put back, by the next check and by the next port', withNft, async () => {
    sh('nft flush ruleset');
    await sleep(settleMs);
    await assertOpen();
    sh('nft flush ruleset');
    await net.publish('second', net.pod2, portRequest(8081));
    assert.match(await askTcp('127.0.0.1', 8081), /^pod2 /);
    await assertOpen();
    await net.network.release('second');
  });

  test('a flushed chain and a lost element are put back', withNft, async () => {
    sh('nft flush chain ip k3c postrouting');
    await sleep(settleMs);
    await assertOpen();
    sh('nft flush map ip k3c any');
    await sleep(settleMs);
    await assertOpen();
  });

  test('release puts back what a flush took from others', withNft, async () => {
    await net.publish('second', net.pod2, portRequest(8081));
    sh('nft flush ruleset');
    await net.network.release('second');
    await assertOpen();
  });

  test("docker's rules: FORWARD drops, DOCKER-USER is the gate", withIptables, async () => {
    sh(
      'iptables-nft -P FORWARD DROP; iptables-nft -N DOCKER-USER; iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -A DOCKER-USER -j RETURN',
    );
    await sleep(settleMs);
    await assertOpen();
    await sleep(settleMs);
    const rules = sh('iptables-nft -S DOCKER-USER');
    assert.equal(count(rules, '-i k3c0'), 1, rules);
    assert.equal(count(rules, '-o k3c0'), 1, rules);
    assert.equal(count(sh('iptables-nft -S FORWARD'), 'k3c0'), 0);
    sh('iptables-nft -F; iptables-nft -X; iptables-nft -P FORWARD ACCEPT');
  });

  test('strict and loose reverse path filters; bridges whose packets iptables sees', withBridgeNetfilter, async () => {
    sh('iptables-nft -P FORWARD DROP; sysctl -qw net.bridge.bridge-nf-call-iptables=1');
    await sleep(settleMs);
    for (const filter of [1, 2]) {
      sh(`for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo ${filter} > $f; done`);
      await assertOpen();
      assert.match(await askFrom(net.pod2, 'tcp', net.pod1.address, 80), /^pod1 /);
      assert.match(await askFrom(net.pod2, 'tcp', hostAddress, 8080), /^pod1 /);
    }
    sh(`for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done
      sysctl -qw net.bridge.bridge-nf-call-iptables=0; iptables-nft -P FORWARD ACCEPT; iptables-nft -F`);
  });

  test('FORWARD with the policy DROP and nothing else', withIptables, async () => {
    sh('iptables-nft -P FORWARD DROP');
    await sleep(settleMs);
    await assertOpen();
    const rules = sh('iptables-nft -S FORWARD');
    assert.equal(count(rules, '-i k3c0'), 1, rules);
    assert.equal(count(rules, '-o k3c0'), 1, rules);
    sh('iptables-nft -F; iptables-nft -P FORWARD ACCEPT');
  });

  test('a hand-written inet filter that drops, and firewalld that rejects', withNft, async () => {
    sh(`nft 'table inet filter { chain forward { type filter hook forward priority filter; policy drop; }; }'`);
    sh(
      `nft 'table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; policy accept; ct state established,related accept; reject with icmpx admin-prohibited; }; }'`,
    );
    await sleep(settleMs);
    await assertOpen();
    assert.equal(count(sh('nft list table inet filter'), 'k3c0'), 4); // two rules, each with its comment
    assert.equal(count(sh('nft list table inet firewalld'), 'k3c0'), 4);
  });

  describe('legacy iptables, which cannot be opened over netlink', withLegacy, () => {
    const legacy = () => sh('iptables-legacy -S').split('\n');
    const ours = () => legacy().filter((line) => line.includes('k3c/'));
    const restart = async (options: Parameters<PodNetwork['restart']>[0] = {}) => {
      const network = await net.restart(options);
      const live = { owner: 'web', ownerName: 'web', podIp: net.pod1.address, ports: [portRequest(8080)] };
      await network.reconcile([live]);
    };
    let theirs: string[];
    before(async () => {
      await net.network.stop({ removeAll: false });
      sh(
        'iptables-legacy -P FORWARD DROP; iptables-legacy -A INPUT -i lo -j ACCEPT; iptables-legacy -A INPUT -p icmp -j ACCEPT',
      );
      theirs = legacy();
    });
    after(() => {
      sh('iptables-legacy -P FORWARD ACCEPT; iptables-legacy -P INPUT ACCEPT; iptables-legacy -F');
    });

    test('without its program is warned of with the commands that do', async () => {
      const warnings: object[] = [];
      const { PATH } = process.env;
      process.env['PATH'] = '/nowhere';
      try {
        await restart({ log: { ...silentLog, warn: (fields: object) => warnings.push(fields) } });
        await sleep(1500);
      } finally {
        // With the program in PATH its next look would find it.
        await net.network.stop({ removeAll: false });
        process.env['PATH'] = PATH;
      }
      assert.equal(await askFrom(net.pod1, 'tcp', net.outside.address, 90), 'TIMEOUT');
      assert.deepEqual(warnings, [
        { openings: ['iptables-legacy -I FORWARD -i k3c0 -j ACCEPT', 'iptables-legacy -I FORWARD -o k3c0 -j ACCEPT'] },
      ]);
      assert.deepEqual(legacy(), theirs);
    });

    test('lets us through by its own program, once, and again after a flush', async () => {
      await restart();
      await assertOpen();
      await restart();
      assert.equal(ours().length, 2);
      sh('iptables-legacy -F FORWARD');
      await sleep(1500);
      await assertOpen();
      assert.equal(ours().length, 2);
    });

    test('lets questions for names in, and forgets them', async () => {
      const { gateway } = net.network.bridge;
      const answering = createServer((socket) => socket.end('a name')).listen(15_353, gateway);
      await once(answering, 'listening');
      sh('iptables-legacy -P INPUT DROP');
      net.network.leadNames('k3c0', gateway, 15_353);
      await sleep(settleMs);
      assert.equal(await askFrom(net.pod1, 'tcp', gateway, 53), 'a name');
      net.network.leadNames('k3c0', gateway, undefined);
      await sleep(settleMs);
      assert.equal(ours().length, 2);
      sh('iptables-legacy -P INPUT ACCEPT');
      answering.close();
    });

    test('gets all of it back when nothing of ours is needed any more', async () => {
      const second = createHostNetwork({
        stateDir: `${net.state}/second`,
        bridgeName: 'k3c-two',
        sockets: inheritedNetlinkSockets(process.env),
        log: silentLog,
      });
      await second.start(AbortSignal.timeout(5000));
      assert.equal(ours().length, 4);
      await second.stop({ removeAll: true });
      assert.equal(ours().length, 2);
      await assertOpen();
    });
  });

  test('two daemons side by side, and a full removal leaves the other alone', withNft, async () => {
    const second = createHostNetwork({
      stateDir: `${net.state}/second`,
      bridgeName: 'k3c-two',
      sockets: inheritedNetlinkSockets(process.env),
      log: silentLog,
    });
    await second.start(AbortSignal.timeout(5000));
    assert.equal(second.bridge.cidr, '10.92.0.0/16');
    await second.reconcile([]);
    await assertOpen();
    assert.equal(count(sh('nft list table inet filter'), 'k3c-two'), 4);
    await second.stop({ removeAll: true });
    assert.equal(count(sh('nft list ruleset'), 'k3c-two'), 0);
    assert.equal(count(sh('ip link'), 'k3c-two'), 0);
    await assertOpen();
  });

  test('a bridge that someone removed is made again', async () => {
    sh('ip link del k3c0');
    await sleep(settleMs);
    sh(
      'ip link set h-pod1 master k3c0; ip link set h-pod1 type bridge_slave hairpin on; ip link set h-pod2 master k3c0',
    );
    await assertOpen();
  });
}
