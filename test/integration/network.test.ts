/** The bridge network and published ports, with real packets between namespaces. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, K3cError } from '../../src/api/errors.ts';
import { silentLog } from '../../src/host/log.ts';
import { askTcp, askUdp } from '../support/ask.ts';
import { insideNetworkNamespace, runInNetworkNamespace, sh } from '../support/netns.ts';
import { askFrom, hostAddress, makePodNetwork, type PodNetwork, portRequest } from '../support/pod-network.ts';

if (!insideNetworkNamespace()) {
  test('published ports in a network namespace', { timeout: 120_000 }, async (t) => {
    await runInNetworkNamespace(import.meta.filename, t.signal);
  });
} else {
  let net: PodNetwork;
  before(async () => {
    net = await makePodNetwork();
  });
  after(async () => {
    await net[Symbol.asyncDispose]();
  });

  describe('a published TCP port', () => {
    before(async () => {
      await net.publish('one', net.pod1, portRequest(8080));
    });
    after(async () => {
      await net.network.release('one');
    });
    test('on 127.0.0.1', async () => assert.equal(await askTcp('127.0.0.1', 8080), 'pod1 10.91.0.1'));
    test('on the host address', async () => assert.match(await askTcp(hostAddress, 8080), /^pod1 /));
    test('on the bridge address', async () => assert.match(await askTcp('10.91.0.1', 8080), /^pod1 /));
    test('on [::1], through the listener', async () => assert.equal(await askTcp('::1', 8080), 'pod1 10.91.0.1'));
    test('from outside, which is seen with its own address', async () => {
      assert.equal(await askFrom(net.outside, 'tcp', hostAddress, 8080), 'pod1 10.61.0.2');
    });
    test('from another pod', async () => assert.match(await askFrom(net.pod2, 'tcp', hostAddress, 8080), /^pod1 /));
    test('from the pod itself', async () => assert.match(await askFrom(net.pod1, 'tcp', hostAddress, 8080), /^pod1 /));
    test('is gone after release', async () => {
      await net.publish('two', net.pod2, portRequest(8081));
      assert.match(await askTcp(hostAddress, 8081), /^pod2 /);
      await net.network.release('two');
      assert.equal(await askTcp(hostAddress, 8081), 'ECONNREFUSED');
      assert.equal(await askFrom(net.outside, 'tcp', hostAddress, 8081), 'ECONNREFUSED');
    });
    test('moves to another pod when published again', async () => {
      const [mapping] = await net.publish('move', net.pod1, portRequest(8083));
      assert.ok(mapping);
      await net.network.publish('move', net.pod2.address, [mapping]);
      assert.match(await askTcp(hostAddress, 8083), /^pod2 /);
      assert.match(await askTcp('::1', 8083), /^pod2 /);
      await net.network.release('move');
    });
  });

  test('containers reach the outside with the address of the host', async () => {
    assert.equal(await askFrom(net.pod1, 'tcp', net.outside.address, 90), 'outside 10.61.0.1');
    assert.equal(await askFrom(net.pod1, 'udp', net.outside.address, 90), 'outside 10.61.0.1');
  });

  test('a way out with a smaller MTU that tells nobody so: connections of containers are made to fit', async () => {
    const upload = { address: net.outside.address, port: '91', size: '300000' };
    await net.outside.serve(
      '-e',
      `const count = (socket) => {
        let size = 0;
        socket.on('data', (data) => { size += data.length; }).on('end', () => socket.end(String(size)));
      };
      require('node:net').createServer({ allowHalfOpen: true }, count).listen(${upload.port}, '${upload.address}', () => console.log('up'));`,
    );
    sh('ip link set h-outside mtu 1000');
    // Many a path drops what is too long without a word.
    sh(
      "nft 'table ip hole { chain out { type filter hook output priority 0; icmp type destination-unreachable drop; }; }'",
    );
    try {
      const send = `const socket = require('node:net').connect(${upload.port}, '${upload.address}');
        socket.setTimeout(2000, () => socket.destroy()).on('data', (data) => process.stdout.write(data));
        socket.end(Buffer.alloc(${upload.size}));`;
      assert.equal(await net.pod1.node('-e', send), upload.size);
    } finally {
      sh('nft delete table ip hole; ip link set h-outside mtu 1400');
    }
  });

  test('UDP: everywhere, and a flow that never pauses follows the port to another pod', async () => {
    const request = portRequest(5353, { protocol: 'udp' });
    // Before the port is published, the flow is one to the host itself.
    assert.equal(await askUdp(hostAddress, 5353, 40_000), 'TIMEOUT');
    await net.publish('udp1', net.pod1, request);
    assert.equal(await askUdp(hostAddress, 5353, 40_000), 'pod1 10.61.0.1');
    assert.match(await askUdp('127.0.0.1', 5353), /^pod1 /);
    assert.match(await askUdp('::1', 5353), /^pod1 /);
    assert.match(await askFrom(net.pod1, 'udp', hostAddress, 5353), /^pod1 /);
    assert.match(await askFrom(net.pod2, 'udp', hostAddress, 5353), /^pod1 /);
    assert.equal(await askFrom(net.outside, 'udp', hostAddress, 5353), 'pod1 10.61.0.2');
    await net.network.release('udp1');
    assert.equal(await askUdp(hostAddress, 5353, 40_000), 'TIMEOUT');
    await net.publish('udp2', net.pod2, request);
    assert.match(await askUdp(hostAddress, 5353, 40_000), /^pod2 /);
    await net.network.release('udp2');
  });

  test('a port on 127.0.0.1 alone is not seen from outside or from containers', async () => {
    await net.publish('local', net.pod1, portRequest(8082, { hostIp: '127.0.0.1' }));
    assert.match(await askTcp('127.0.0.1', 8082), /^pod1 /);
    assert.equal(await askTcp(hostAddress, 8082), 'ECONNREFUSED');
    assert.equal(await askFrom(net.outside, 'tcp', hostAddress, 8082), 'ECONNREFUSED');
    assert.equal(await askFrom(net.pod2, 'tcp', hostAddress, 8082), 'ECONNREFUSED');
    await net.network.release('local');
  });

  test('one port number on two addresses leads to two pods', async () => {
    await net.publish('a', net.pod1, portRequest(8084, { hostIp: '127.0.0.1' }));
    await net.publish('b', net.pod2, portRequest(8084, { hostIp: hostAddress }));
    assert.match(await askTcp('127.0.0.1', 8084), /^pod1 /);
    assert.match(await askTcp(hostAddress, 8084), /^pod2 /);
    await net.network.release('a');
    await net.network.release('b');
  });

  test('a port on an IPv6 address is served by the listener', async () => {
    await net.publish('six', net.pod1, portRequest(8085, { hostIp: '::1' }));
    assert.match(await askTcp('::1', 8085), /^pod1 /);
    assert.equal(await askTcp('127.0.0.1', 8085), 'ECONNREFUSED');
    await net.network.release('six');
  });

  test('the free port that 0 stands for is told and works', async () => {
    const [mapping] = await net.publish('free', net.pod1, portRequest(0));
    assert.ok(mapping && mapping.hostPort > 0);
    assert.match(await askTcp(hostAddress, mapping.hostPort), /^pod1 /);
    await net.network.release('free');
  });

  test('a port that a container has is refused by its name, and nothing of the request stays', async () => {
    await net.publish('holder', net.pod1, portRequest(8090));
    await assert.rejects(
      net.network.reserve('other', 'other', [portRequest(8091), portRequest(8090, { hostIp: '127.0.0.1' })]),
      (error) => {
        assert.ok(error instanceof K3cError);
        assert.equal(error.code, Code.ALREADY_EXISTS);
        assert.equal(error.reason, 'port-in-use');
        assert.equal(
          error.message,
          'Bind for 127.0.0.1:8090 failed: port is already allocated (container name-of-holder has it)',
        );
        return true;
      },
    );
    await net.publish('third', net.pod2, portRequest(8091));
    const full = net.network.reserve('other', 'other', [portRequest(8090, { hostPortEnd: 8091 })]);
    await assert.rejects(full, /8091 failed: port is already allocated \(container name-of-third has it\)/);
    await net.network.release('holder');
    await net.network.release('third');
  });

  test('a port that a process of the host has is refused, TCP and UDP', async () => {
    const server = createServer().listen(8092, '127.0.0.1');
    const socket = createSocket('udp4').bind(8092, hostAddress);
    await Promise.all([once(server, 'listening'), once(socket, 'listening')]);
    for (const protocol of ['tcp', 'udp'] as const) {
      const request = net.network.reserve('x', 'x', [portRequest(8093), portRequest(8092, { protocol })]);
      await assert.rejects(request, { code: Code.ALREADY_EXISTS, reason: 'port-in-use' });
    }
    server.close();
    socket.close();
    await net.publish('x', net.pod1, portRequest(8092), portRequest(8093));
    await net.network.release('x');
  });

  test('a process of the host gets no port that a container has, on any address and in any family', async () => {
    await net.publish('holder', net.pod1, portRequest(8095), portRequest(8095, { protocol: 'udp' }));
    for (const address of ['0.0.0.0', '127.0.0.1', hostAddress, '::', '::1']) {
      await assert.rejects(once(createServer().listen(8095, address), 'listening'), { code: 'EADDRINUSE' }, address);
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(8095, address);
      await assert.rejects(once(socket, 'listening'), { code: 'EADDRINUSE' }, address);
    }
    await net.network.release('holder');
    const server = createServer().listen(8095, '::');
    await once(server, 'listening');
    server.close();
  });

  test('an address that the host does not have is refused', async () => {
    await assert.rejects(net.network.reserve('x', 'x', [portRequest(8094, { hostIp: '10.66.6.6' })]), {
      code: Code.FAILED_PRECONDITION,
    });
  });

  test('a port that is asked for twice is there once', async () => {
    const [first, ...more] = await net.network.reserve('twice', 'twice', [portRequest(8094), portRequest(8094)]);
    assert.deepEqual([first?.hostPort, more], [8094, []]);
    await net.network.release('twice');
  });

  test('64 ports in less than half a second, and they work', async () => {
    const requests = Array.from({ length: 64 }, (_, index) => portRequest(9000 + index));
    const begin = performance.now();
    await net.publish('many', net.pod1, ...requests);
    const published = performance.now();
    assert.match(await askTcp(hostAddress, 9063), /^pod1 /);
    const beforeRelease = performance.now();
    await net.network.release('many');
    const released = performance.now();
    process.stdout.write(
      `64 ports: reserve and publish ${(published - begin).toFixed(1)} ms, release ${(released - beforeRelease).toFixed(1)} ms\n`,
    );
    assert.ok(published - begin < 500);
    assert.equal(await askTcp(hostAddress, 9063), 'ECONNREFUSED');
  });

  test('a daemon that comes back finds its ports published, and reconcile makes exactly the live ones so', async () => {
    const kept = await net.publish('kept', net.pod1, portRequest(8100), portRequest(8101, { protocol: 'udp' }));
    await net.publish('gone', net.pod2, portRequest(8102));
    const network = await net.restart();
    await sleep(350); // containerd takes its time; the checks must not take the ports for leftovers
    assert.match(await askFrom(net.outside, 'tcp', hostAddress, 8100), /^pod1 /);
    await network.reconcile([{ owner: 'kept', ownerName: 'container web', podIp: net.pod1.address, ports: kept }]);
    assert.match(await askFrom(net.outside, 'tcp', hostAddress, 8100), /^pod1 /);
    assert.match(await askFrom(net.outside, 'udp', hostAddress, 8101), /^pod1 /);
    assert.match(await askTcp('::1', 8100), /^pod1 /);
    assert.equal(await askFrom(net.outside, 'tcp', hostAddress, 8102), 'ECONNREFUSED');
    await assert.rejects(network.reserve('new', 'new', [portRequest(8100)]), /container web has it/);
    network.renamed('kept', 'container shop');
    await assert.rejects(network.reserve('new', 'new', [portRequest(8100)]), /container shop has it/);
    await network.release('kept');
    assert.equal(await askFrom(net.outside, 'tcp', hostAddress, 8100), 'ECONNREFUSED');
  });

  test('reconcile leaves a container alone that is being started, and drops one that is gone', async () => {
    const starting = await net.network.reserve('starting', 'starting', [portRequest(8105)]);
    await net.publish('lost', net.pod2, portRequest(8106));
    await net.network.reconcile([]);
    await net.network.publish('starting', net.pod1.address, starting);
    assert.match(await askTcp(hostAddress, 8105), /^pod1 /);
    assert.equal(await askTcp(hostAddress, 8106), 'ECONNREFUSED');
    await net.network.release('starting');
  });

  test('reconcile goes on past a port that a process or another container has', async () => {
    const server = createServer((socket) => socket.end('host')).listen(8107, '::');
    await once(server, 'listening');
    const live = (owner: string, podIp: string, hostPort: number) => ({
      owner,
      ownerName: owner,
      podIp,
      ports: [portRequest(hostPort)],
    });
    await net.network.reconcile([
      live('a', net.pod1.address, 8107),
      live('b', net.pod1.address, 8108),
      live('c', net.pod2.address, 8108),
    ]);
    assert.match(await askFrom(net.outside, 'tcp', hostAddress, 8107), /^pod1 /); // a container that ran goes on
    assert.equal(await askTcp('::1', 8107), 'host');
    assert.match(await askTcp(hostAddress, 8108), /^pod1 /);
    server.close();
    await net.network.reconcile([]);
    assert.equal(await askTcp(hostAddress, 8108), 'ECONNREFUSED');
  });

  // No such family of sockets; and one that answers every request for a table with an error.
  const lacks = [() => undefined, () => net.sockets.route];
  for (const [index, netfilter] of lacks.entries())
    test(`without nf_tables a proxy serves the ports, with one warning (${index + 1})`, async () => {
      const warnings: string[] = [];
      const log = { ...silentLog, warn: (_: object, message: string) => warnings.push(message) };
      sh('nft delete table ip k3c');
      await net.restart({ sockets: { ...net.sockets, netfilter: netfilter() }, log });
      await net.publish('proxied', net.pod1, portRequest(8110), portRequest(8110, { protocol: 'udp' }));
      assert.equal(await askTcp('127.0.0.1', 8110), 'pod1 10.91.0.1');
      assert.equal(await askUdp('127.0.0.1', 8110), 'pod1 10.91.0.1');
      assert.equal(await askFrom(net.outside, 'tcp', hostAddress, 8110), 'pod1 10.91.0.1');
      assert.equal(await askFrom(net.outside, 'udp', hostAddress, 8110), 'pod1 10.91.0.1');
      assert.equal(await askFrom(net.pod2, 'tcp', hostAddress, 8110), 'pod1 10.91.0.1');
      assert.equal(await askFrom(net.pod1, 'tcp', net.outside.address, 90), 'TIMEOUT');
      assert.deepEqual(warnings, [
        'no nf_tables here: published ports go through a proxy, whose address containers see, and nothing masquerades: ' +
          'containers reach nothing beyond this host',
      ]);
      await net.network.release('proxied');
      assert.equal(await askTcp('127.0.0.1', 8110), 'ECONNREFUSED');
      await net.restart();
    });

  test('a host without addresses of IPv6 serves IPv4 alone, and the mapping says so', async () => {
    const reserve = async (...of: Parameters<typeof portRequest>) => {
      const [mapping] = await net.network.reserve('six', 'six', [portRequest(...of)]);
      await net.network.release('six');
      return mapping;
    };
    assert.equal((await reserve(8109))?.ipv4Only, undefined);
    sh('sysctl -qw net.ipv6.conf.all.disable_ipv6=1');
    try {
      assert.equal((await reserve(8109))?.ipv4Only, true);
      assert.equal((await reserve(8109, { hostIp: '127.0.0.1' }))?.ipv4Only, undefined);
    } finally {
      sh('sysctl -qw net.ipv6.conf.all.disable_ipv6=0');
    }
  });
}
