/** What a new container asks of its network, checked in docker's words (moby: runconfig, daemon/container_operations.go). */
import { isIPv4, isIPv6 } from 'node:net';
import { Code, K3cError } from '../../../api/errors.ts';
import type { State } from '../../state/database.ts';
import type { NetworkRecord } from '../../state/networks.ts';
import type { ContainerSpec, EndpointSpec } from '../../state/spec.ts';
import { findNetwork } from '../networks/find-network.ts';
import { donorOf } from './network-mode.ts';

export interface CheckedNetwork {
  /** A network by its name, whatever the user called it by. */
  readonly networkMode: string;
  readonly endpoints: readonly EndpointSpec[];
  readonly warnings: readonly string[];
}

/** Throws NOT_FOUND (network-not-found), and INVALID_ARGUMENT for what cannot be had there. */
export function checkNetwork(
  state: Pick<State, 'networks'>,
  spec: Pick<ContainerSpec, 'networkMode' | 'network' | 'ports' | 'hostname'>,
): CheckedNetwork {
  const { networkMode, network: asked } = spec;
  if (donorOf(networkMode) !== undefined) checkShared(spec);
  const found =
    networkMode === 'default' || donorOf(networkMode) !== undefined ? undefined : findNetwork(state, networkMode);
  if (found?.kind !== 'made') {
    if (asked.ip !== '' || (asked.ip6 ?? '') !== '')
      refuse('user specified IP address is supported on user defined networks only');
    if (asked.aliases.length > 0)
      refuse('network-scoped alias is supported only for containers in user defined networks');
    if (asked.macAddress !== '') refuseMac(networkMode);
    return { networkMode: found?.network.name ?? networkMode, endpoints: [], warnings: [] };
  }
  const { network } = found;
  const internal = network.config.internal && spec.ports.length > 0;
  return {
    networkMode: network.name,
    endpoints: [newEndpoint(network, asked)],
    warnings: internal ? ['Published ports are discarded when using an internal network'] : [],
  };
}

export interface AskedEndpoint {
  readonly ip: string;
  /** Absent or empty: whatever is free. */
  readonly ip6?: string | undefined;
  readonly aliases: readonly string[];
  readonly macAddress?: string;
}

/** Throws INVALID_ARGUMENT for an address that cannot be asked for. */
export function newEndpoint({ id, name, config }: NetworkRecord, asked: AskedEndpoint): EndpointSpec {
  if (asked.ip !== '' && !isIPv4(asked.ip)) refuse(`invalid IPv4 address: ${asked.ip}`);
  if (asked.ip !== '' && !config.configured)
    refuse('user specified IP address is supported only when connecting to networks with user configured subnets');
  const { ip6 = '' } = asked;
  if (ip6 !== '' && !isIPv6(ip6)) refuse(`invalid IPv6 address: ${ip6}`);
  if (ip6 !== '' && config.ipv6 === undefined)
    refuse(`network ${name} has no IPv6`, 'make one that has: k3c network create --ipv6 NAME');
  if (ip6 !== '' && config.ipv6?.configured !== true)
    refuse('user specified IP address is supported only when connecting to networks with user configured subnets');
  if (asked.macAddress !== undefined && !/^$|^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i.test(asked.macAddress))
    refuse(`${asked.macAddress} is not a valid mac address`);
  return {
    network: id,
    networkName: name,
    askedIp: asked.ip,
    ...(ip6 === '' ? {} : { askedIp6: ip6 }),
    askedMac: asked.macAddress ?? '',
    aliases: [...new Set(asked.aliases)],
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

/** On the default network the interface is made by CNI's plugin, which takes no address from us. */
function refuseMac(networkMode: string): never {
  if (networkMode !== 'default') refuse('conflicting options: mac-address and the network mode');
  refuse('a MAC address can be chosen on user defined networks only', 'make one: k3c network create NAME');
}

function refuse(message: string, hint?: string): never {
  throw new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', ...(hint === undefined ? {} : { hint }) });
}
