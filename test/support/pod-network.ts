/** A host network with two pods on it and a neighbour outside, for tests that run inside a network namespace. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createHostNetwork,
  type HostNetwork,
  type HostNetworkOptions,
  type PortMapping,
  type PortRequest,
} from '../../src/daemon/engine/network/network.ts';
import { silentLog } from '../../src/host/log.ts';
import { inheritedNetlinkSockets, type NetlinkSockets } from '../../src/host/netlink/socket.ts';
import { makePeer, type Peer, sh } from './netns.ts';

const answerServer = join(import.meta.dirname, 'answer-server.ts');
const ask = join(import.meta.dirname, 'ask.ts');

/** The host's address on the link to `outside`. */
export const hostAddress = '10.61.0.1';

export interface PodNetwork extends AsyncDisposable {
  readonly sockets: NetlinkSockets;
  readonly state: string;
  readonly outside: Peer;
  readonly pod1: Peer;
  readonly pod2: Peer;
  /** The network in force; restart() replaces it. */
  readonly network: HostNetwork;
  /** Stops the network as a daemon that ends, and starts another on the same state. */
  restart(options?: Partial<HostNetworkOptions>): Promise<HostNetwork>;
  publish(owner: string, pod: Peer, ...requests: PortRequest[]): Promise<PortMapping[]>;
}

/** A request for port 80 of a container; the rest as given. */
export function portRequest(hostPort: number, options: Partial<PortRequest> = {}): PortRequest {
  return { hostIp: '', hostPort, containerPort: 80, protocol: 'tcp', ...options };
}

/** What a server answers to a peer; the name of the failure otherwise. */
export async function askFrom(peer: Peer, protocol: 'tcp' | 'udp', host: string, port: number): Promise<string> {
  return await peer.node(ask, protocol, host, String(port));
}

/** Builds it all: outside is 10.61.0.2 behind the default route of MTU 1400, and answers on port 90; pods on port 80. */
export async function makePodNetwork(): Promise<PodNetwork> {
  const sockets = inheritedNetlinkSockets(process.env);
  const state = mkdtempSync(join(tmpdir(), 'k3c-network-'));
  const outside = makePeer({ name: 'outside', address: '10.61.0.2', prefix: 24, gateway: hostAddress, mtu: 1400 });
  sh('ip route add default via 10.61.0.2');
  const start = async (options: Partial<HostNetworkOptions> = {}): Promise<HostNetwork> => {
    const network = createHostNetwork({ stateDir: state, sockets, log: silentLog, checkIntervalMs: 100, ...options });
    await network.start(AbortSignal.timeout(5000));
    return network;
  };
  let network = await start();
  await network.reconcile([]);
  const { name, gateway, mtu } = network.bridge;
  const pod1 = makePeer({ name: 'pod1', address: '10.91.0.11', prefix: 16, gateway, bridge: name, mtu });
  const pod2 = makePeer({ name: 'pod2', address: '10.91.0.12', prefix: 16, gateway, bridge: name, mtu });
  await Promise.all([
    pod1.serve(answerServer, 'pod1', pod1.address, '80'),
    pod2.serve(answerServer, 'pod2', pod2.address, '80'),
    outside.serve(answerServer, 'outside', outside.address, '90'),
  ]);
  return {
    sockets,
    state,
    outside,
    pod1,
    pod2,
    get network() {
      return network;
    },
    restart: async (options) => {
      await network.stop({ removeAll: false });
      network = await start(options);
      return network;
    },
    publish: async (owner, pod, ...requests) => {
      const mappings = await network.reserve(owner, `container name-of-${owner}`, requests);
      await network.publish(owner, pod.address, mappings);
      return mappings;
    },
    [Symbol.asyncDispose]: async () => {
      await network.stop({ removeAll: true });
      rmSync(state, { recursive: true, force: true });
    },
  };
}
