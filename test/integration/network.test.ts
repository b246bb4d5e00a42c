/** The bridge network and published ports, with real packets between namespaces. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  createHostNetwork,
  type HostNetwork,
  type PortMapping,
  type PortRequest,
} from '../../src/daemon/engine/network/network.ts';
import { silentLog } from '../../src/host/log.ts';
import { inheritedNetlinkSockets } from '../../src/host/netlink/socket.ts';
import { askTcp, askUdp } from '../support/ask.ts';
import { insideNetworkNamespace, makePeer, type Peer, runInNetworkNamespace, sh } from '../support/netns.ts';

const ask = join(import.meta.dirname, '../support/ask.ts');
const answerServer = join(import.meta.dirname, '../support/answer-server.ts');
const hostAddress = '10.61.0.1';

if (!insideNetworkNamespace()) {
  test('the bridge network in namespaces of its own', { timeout: 120_000 }, async (t) => {
    await runInNetworkNamespace(import.meta.filename, t.signal);
  });
} else {
  const sockets = inheritedNetlinkSockets(process.env);
  const state = mkdtempSync(join(tmpdir(), 'k3c-network-'));
  let network: HostNetwork;
  let outside: Peer;
  let pod1: Peer;
  let pod2: Peer;

  const create = (): HostNetwork =>
    createHostNetwork({ stateDir: state, sockets, log: silentLog, checkIntervalMs: 100 });
  const port = (hostPort: number, options: Partial<PortRequest> = {}): PortRequest => ({
    hostIp: '',
    hostPort,
    containerPort: 80,
    protocol: 'tcp',
    ...options,
  });
  const publish = async (owner: string, pod: Peer, ...requests: PortRequest[]): Promise<PortMapping[]> => {
    const mappings = await network.reserve(owner, `name-of-${owner}`, requests);
    await network.publish(owner, pod.address, mappings);
    return mappings;
  };

  before(async () => {
    outside = makePeer({ name: 'outside', address: '10.61.0.2', prefix: 24, gateway: hostAddress, mtu: 1400 });
    sh('ip route add default via 10.61.0.2');
    network = create();
    await network.start(AbortSignal.timeout(5000));
    const { name, gateway, mtu } = network.bridge;
    pod1 = makePeer({ name: 'pod1', address: '10.91.0.11', prefix: 16, gateway, bridge: name, mtu });
    pod2 = makePeer({ name: 'pod2', address: '10.91.0.12', prefix: 16, gateway, bridge: name, mtu });
    await pod1.serve(answerServer, 'pod1', pod1.address, '80');
    await pod2.serve(answerServer, 'pod2', pod2.address, '80');
    await outside.serve(answerServer, 'outside', outside.address, '90');
  });

  after(async () => {
    await network.stop({ removeAll: true });
    rmSync(state, { recursive: true, force: true });
  });

  test('the bridge has the MTU of the default route, a network of its own and a MAC that stays', () => {
    assert.deepEqual(network.bridge, { name: 'k3c0', cidr: '10.91.0.0/16', gateway: '10.91.0.1', mtu: 1400 });
    assert.match(sh('ip link show k3c0'), /mtu 1400 .* state UP[\s\S]*02:6b:0a:5b:00:01/);
    assert.match(sh('ip -4 address show k3c0'), /inet 10.91.0.1\/16 brd 10.91.255.255/);
    const [plugin] = JSON.parse(readFileSync(join(network.cniConfDir, '10-k3c.conflist'), 'utf8')).plugins;
    assert.equal(plugin.mtu, 1400);
    assert.equal(plugin.ipMasq, false);
  });

  describe('a published TCP port', () => {
    before(async () => {
      await publish('one', pod1, port(8080));
    });
    after(async () => {
      await network.release('one');
    });
    test('on 127.0.0.1', async () => assert.equal(await askTcp('127.0.0.1', 8080), 'pod1 10.91.0.1'));
    test('on the host address', async () => assert.match(await askTcp(hostAddress, 8080), /^pod1 /));
    test('on the bridge address', async () => assert.match(await askTcp('10.91.0.1', 8080), /^pod1 /));
    test('on [::1], through the listener', async () => assert.equal(await askTcp('::1', 8080), 'pod1 10.91.0.1'));
    test('from outside, which is seen with its own address', async () => {
      assert.equal(await outside.node(ask, 'tcp', hostAddress, '8080'), 'pod1 10.61.0.2');
    });
    test('from another pod', async () => assert.match(await pod2.node(ask, 'tcp', hostAddress, '8080'), /^pod1 /));
    test('from the pod itself', async () => assert.match(await pod1.node(ask, 'tcp', hostAddress, '8080'), /^pod1 /));
    test('is gone after release', async () => {
      await publish('two', pod2, port(8081));
      assert.match(await askTcp(hostAddress, 8081), /^pod2 /);
      await network.release('two');
      assert.equal(await askTcp(hostAddress, 8081), 'ECONNREFUSED');
      assert.equal(await outside.node(ask, 'tcp', hostAddress, '8081'), 'ECONNREFUSED');
    });
  });

  test('containers reach the outside with the address of the host', async () => {
    assert.equal(await pod1.node(ask, 'tcp', outside.address, '90'), 'outside 10.61.0.1');
  });

  test('UDP: everywhere, and a flow that never pauses follows the port to another pod', async () => {
    await publish('udp1', pod1, port(5353, { protocol: 'udp' }));
    assert.match(await askUdp('127.0.0.1', 5353), /^pod1 /);
    assert.equal(await askUdp(hostAddress, 5353, 40_000), 'pod1 10.61.0.1');
    assert.match(await askUdp('::1', 5353), /^pod1 /);
    assert.match(await pod1.node(ask, 'udp', hostAddress, '5353'), /^pod1 /);
    assert.match(await pod2.node(ask, 'udp', hostAddress, '5353'), /^pod1 /);
    assert.equal(await outside.node(ask, 'udp', hostAddress, '5353'), 'pod1 10.61.0.2');
    await network.release('udp1');
    await publish('udp2', pod2, port(5353, { protocol: 'udp' }));
    assert.match(await askUdp(hostAddress, 5353, 40_000), /^pod2 /);
    await network.release('udp2');
  });

  test('a port on 127.0.0.1 alone is not seen from outside or from containers', async () => {
    await publish('local', pod1, port(8082, { hostIp: '127.0.0.1' }));
    assert.match(await askTcp('127.0.0.1', 8082), /^pod1 /);
    assert.equal(await askTcp(hostAddress, 8082), 'ECONNREFUSED');
    assert.equal(await outside.node(ask, 'tcp', hostAddress, '8082'), 'ECONNREFUSED');
    assert.equal(await pod2.node(ask, 'tcp', hostAddress, '8082'), 'ECONNREFUSED');
    await network.release('local');
  });
}
