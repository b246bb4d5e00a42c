/** What a new container asks of its network, checked in docker's words (moby: runconfig, daemon/container_operations.go). */
import { isIPv4, isIPv6 } from 'node:net';
import { Code, K3cError } from '../../../api/errors.ts';
import type { State } from '../../state/database.ts';
import type { NetworkRecord } from '../../state/networks.ts';
import type { ContainerSpec, EndpointRequestSpec, EndpointSpec, NetworkSpec } from '../../state/spec.ts';
import { defaultNetworkId } from '../network/predefined.ts';
import { findNetwork } from '../networks/find-network.ts';
import { donorOf } from './network-mode.ts';

export interface CheckedNetwork {
  /** A network by its name, whatever the user called it by. */
  readonly networkMode: string;
  /** What was asked, with a word on who makes the interface of the default network. */
  readonly network: NetworkSpec;
  readonly endpoints: readonly EndpointSpec[];
  readonly warnings: readonly string[];
}

/** Throws NOT_FOUND (network-not-found), and INVALID_ARGUMENT for what cannot be had there. */
export function checkNetwork(
  state: Pick<State, 'networks'>,
  spec: Pick<ContainerSpec, 'networkMode' | 'network' | 'ports' | 'hostname'>,
): CheckedNetwork {
  const { network: asked } = spec;
  const shares = donorOf(spec.networkMode) !== undefined;
  if (shares) checkShared(spec);
  const found = shares ? undefined : findNetwork(state, spec.networkMode);
  const more = (asked.moreNetworks ?? []).map((one) => additional(state, one));
  if (found?.kind !== 'made') {
    // By its id, too.
    const networkMode = found?.network.name === 'bridge' ? 'default' : (found?.network.name ?? spec.networkMode);
    if (more.length > 0 && networkMode !== 'default') refuseMixed();
    const own = defaultEndpoint(asked);
    refuseTwice([own, ...more]);
    const mode = { networkMode, warnings: [] };
    if (asked.macAddress === '') return { ...mode, network: asked, endpoints: more };
    // CNI has no word for a MAC that a pod wants: ours is one of those that users made, on the default network.
    if (networkMode !== 'default') refuse('conflicting options: mac-address and the network mode');
    return { ...mode, network: { ...asked, leftDefault: true }, endpoints: [own, ...more] };
  }
  const { network } = found;
  const endpoints = [newEndpoint(network, asked), ...more];
  refuseTwice(endpoints);
  const internal = spec.ports.length > 0 && endpoints.every((one) => state.networks.byId(one.network)?.config.internal);
  return {
    networkMode: network.name,
    network: asked,
    endpoints,
    warnings: internal ? ['Published ports are discarded when using an internal network'] : [],
  };
}

function additional(state: Pick<State, 'networks'>, asked: EndpointRequestSpec): EndpointSpec {
  const found = findNetwork(state, asked.network === 'default' ? 'bridge' : asked.network);
  if (found.kind === 'made') return newEndpoint(found.network, asked);
  return found.network.name === 'bridge' ? defaultEndpoint(asked) : refuseMixed();
}

/** docker refuses bridge among several, too, and then takes it by `network connect`: here it is one of them from the start. */
function refuseMixed(): never {
  return refuse(
    'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
    'host, none and container:NAME are for what is on no other network',
  );
}

function refuseTwice(endpoints: readonly EndpointSpec[]): void {
  const twice = endpoints.find((one, index) => endpoints.findIndex((other) => other.network === one.network) < index);
  if (twice !== undefined) refuse(`network "${twice.networkName}" is specified multiple times`);
}

/** A place on the default network whose interface the daemon makes. Throws INVALID_ARGUMENT for what cannot be asked there. */
export function defaultEndpoint(asked: AskedEndpoint): EndpointSpec {
  checkDefaultNetwork(asked);
  return endpointOf({ id: defaultNetworkId(), name: 'bridge' }, asked);
}

function checkDefaultNetwork({ ip, ip6 = '', aliases }: AskedEndpoint): void {
  if (ip !== '' || ip6 !== '') refuse('user specified IP address is supported on user defined networks only');
  if (aliases.length > 0) refuse('network-scoped alias is supported only for containers in user defined networks');
}

export interface AskedEndpoint {
  readonly ip: string;
  /** Absent or empty: whatever is free. */
  readonly ip6?: string | undefined;
  readonly aliases: readonly string[];
  readonly macAddress?: string;
}

/** Throws INVALID_ARGUMENT for an address that cannot be asked for. */
export function newEndpoint(network: NetworkRecord, asked: AskedEndpoint): EndpointSpec {
  const { name, config } = network;
  if (asked.ip !== '' && !isIPv4(asked.ip)) refuse(`invalid IPv4 address: ${asked.ip}`);
  if (asked.ip !== '' && !config.configured)
    refuse('user specified IP address is supported only when connecting to networks with user configured subnets');
  const { ip6 = '' } = asked;
  if (ip6 !== '' && !isIPv6(ip6)) refuse(`invalid IPv6 address: ${ip6}`);
  if (ip6 !== '' && config.ipv6 === undefined)
    refuse(`network ${name} has no IPv6`, 'make one that has: k3c network create --ipv6 NAME');
  if (ip6 !== '' && config.ipv6?.configured !== true)
    refuse('user specified IP address is supported only when connecting to networks with user configured subnets');
  return endpointOf(network, asked);
}

function endpointOf(
  { id, name }: Pick<NetworkRecord, 'id' | 'name'>,
  { ip, ip6 = '', macAddress = '', aliases }: AskedEndpoint,
): EndpointSpec {
  if (!/^$|^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i.test(macAddress)) refuse(`${macAddress} is not a valid mac address`);
  return {
    network: id,
    networkName: name,
    askedIp: ip,
    ...(ip6 === '' ? {} : { askedIp6: ip6 }),
    askedMac: macAddress,
    aliases: [...new Set(aliases)],
    ip: '',
    mac: '',
    interface: '',
  };
}

/** What a container that shares another's network namespace cannot have of its own. */
function checkShared({ hostname, network, ports }: Pick<ContainerSpec, 'hostname' | 'network' | 'ports'>): void {
  if (hostname !== '') refuse('conflicting options: hostname and the network mode');
  if (network.dns.length > 0) refuse('conflicting options: dns and the network mode');
  if (network.extraHosts.length > 0) refuse('conflicting options: custom host-to-IP mapping and the network mode');
  if (network.macAddress !== '') refuse('conflicting options: mac-address and the network mode');
  if (ports.length > 0 || network.publishAll)
    refuse('conflicting options: port publishing and the container type network mode');
  if (network.exposedPorts.length > 0) refuse('conflicting options: port exposing and the container type network mode');
}

function refuse(message: string, hint?: string): never {
  throw new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', ...(hint === undefined ? {} : { hint }) });
}
