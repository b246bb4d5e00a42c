/** What a start does about networks: interfaces on those that users made, another container's namespace, names and ports. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EndpointSpec } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { type HostSide, networkIdentity } from './host-side.ts';
import { findContainer } from './identity.ts';
import { joinDefault, joinNamed } from './membership.ts';
import { writeHosts } from './network-files.ts';
import { donorOf, hasOwnNetns, isOnDefault } from './network-mode.ts';
import type { NetworkOwner } from './network-owner.ts';
import { processId } from './process-id.ts';
import { sandboxNetns } from './sandbox-netns.ts';

/** The network namespace of a container: its pod's, the host's, a new one without interfaces, or one that is there. */
export type NetworkNamespace = 'pod' | 'host' | 'new' | { readonly path: string };

export interface Donor {
  readonly record: ContainerRecord;
  /** Of its network namespace. */
  readonly path: string;
}

/** The running container whose network namespace is to be shared; undefined: none is. docker's sentences where it cannot be. */
export async function networkDonor(context: EngineContext, mode: string): Promise<Donor | undefined> {
  const reference = donorOf(mode);
  if (reference === undefined) return undefined;
  const record = findContainer(context.state.containers, reference);
  const live = context.live.get(record.id);
  if (live === undefined)
    throw new K3cError(Code.FAILED_PRECONDITION, `cannot join network of a non running container: ${record.id}`, {
      reason: 'container-not-running',
    });
  return { record, path: `/proc/${await processId(context, live.criId)}/ns/net` };
}

export interface NetworkSide {
  readonly namespace: NetworkNamespace;
  /** With the addresses that they have now. */
  readonly endpoints: readonly EndpointSpec[];
}

/** Makes the namespace and the interfaces that need no pod. What fails is given back by leaveNetworks(). */
export function plugIn(
  context: Pick<EngineContext, 'network'>,
  owner: NetworkOwner,
  donor: Donor | undefined,
): NetworkSide {
  if (donor !== undefined) return { namespace: { path: donor.path }, endpoints: [] };
  if (isOnDefault(owner)) return { namespace: 'pod', endpoints: [] };
  if (!hasOwnNetns(owner)) return { namespace: owner.spec.networkMode === 'host' ? 'host' : 'new', endpoints: [] };
  const path = context.network.named.open(owner.id);
  return { namespace: { path }, endpoints: plugAll(context, owner, path) };
}

/** Gives a namespace its interfaces, in order: the first that leads out is the one by which it does. */
function plugAll(context: Pick<EngineContext, 'network'>, owner: NetworkOwner, netns: string): EndpointSpec[] {
  return owner.endpoints.map((endpoint) => plugEndpoint(context, owner, netns, endpoint));
}

/** One interface; the container is a member from now on. */
export function plugEndpoint(
  context: Pick<EngineContext, 'network'>,
  owner: NetworkOwner,
  netns: string,
  endpoint: EndpointSpec,
): EndpointSpec {
  const { network, askedIp, askedIp6, askedMac } = endpoint;
  const request = { network, ip: askedIp, ip6: askedIp6, mac: askedMac };
  const made = { ...endpoint, ...context.network.named.plug(owner.id, netns, request) };
  joinNamed(context, owner, made);
  return made;
}

export interface Connected {
  /** The container's first address. */
  readonly ip: string;
  readonly endpoints: readonly EndpointSpec[];
}

/** Once there is a pod: the address on the default network, the other interfaces there, /etc/hosts, and ports that lead to it. */
export async function connectNetworks(
  context: EngineContext,
  owner: NetworkOwner,
  parts: {
    readonly sandboxId: string;
    readonly host: Pick<HostSide, 'files'>;
    readonly side: NetworkSide;
    readonly ports: ContainerRecord['ports'];
  },
): Promise<Connected> {
  const { host, side, ports } = parts;
  const connected = side.namespace === 'pod' ? await connectPod(context, owner, parts.sandboxId) : fromSide(side);
  if (connected.ip === '') return connected;
  const { podIp, podIp6 } = publishedAddress(context, connected);
  await Promise.all([
    writeHosts(host.files, networkIdentity(context, owner), allAddresses(connected)),
    ports.length > 0 ? context.network.publish(owner.id, podIp, ports, podIp6) : undefined,
  ]);
  return connected;
}

function fromSide({ endpoints }: NetworkSide): Connected {
  return { ip: endpoints[0]?.ip ?? '', endpoints };
}

async function connectPod(context: EngineContext, owner: NetworkOwner, podSandboxId: string): Promise<Connected> {
  // Its namespace is asked for only by those who need it: that is ten times as much to read.
  const verbose = owner.endpoints.length > 0;
  const { status, info } = await context.containerd.cri.podSandboxStatus(
    { podSandboxId, verbose },
    { signal: context.abandon },
  );
  const ip = status?.network?.ip ?? '';
  joinDefault(context, owner, ip);
  return { ip, endpoints: verbose ? plugAll(context, owner, sandboxNetns(info)) : [] };
}

/** Those that a container has: the first one, and of each other network both families'. */
export function allAddresses({ ip, endpoints }: Connected): string[] {
  const named = endpoints.flatMap((endpoint) => [endpoint.ip, endpoint.ip6 ?? '']);
  return [...new Set([ip, ...named])].filter((address) => address !== '');
}

export interface PublishedAddress {
  readonly podIp: string;
  /** Empty: none. */
  readonly podIp6: string;
}

/** Where published ports lead: the first network that leads out, of IPv6 the first that has it. */
export function publishedAddress(
  { network }: Pick<EngineContext, 'network'>,
  { ip, endpoints }: Connected,
): PublishedAddress {
  const outward = endpoints.filter((endpoint) => network.members.network(endpoint.network)?.internal === false);
  const podIp6 = outward.find(({ ip6 = '' }) => ip6 !== '')?.ip6 ?? '';
  // The default network's leads out.
  if (endpoints.every((endpoint) => endpoint.ip !== ip)) return { podIp: ip, podIp6 };
  return { podIp: outward[0]?.ip ?? ip, podIp6 };
}

/** Whether ports can be published at all. */
export function canPublish({ network }: Pick<EngineContext, 'network'>, owner: NetworkOwner): boolean {
  if (isOnDefault(owner)) return true;
  return owner.endpoints.some((endpoint) => network.members.network(endpoint.network)?.internal === false);
}
