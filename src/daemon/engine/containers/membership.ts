/** A container's or a pod's place among those of its networks, from before a process starts until after the end. */
import type { EndpointSpec } from '../../state/spec.ts';
import { macOf } from '../network/plug.ts';
import type { EngineContext } from './context.ts';
import { donorOf, isOnDefault } from './network-mode.ts';
import type { NetworkOwner } from './network-owner.ts';

/** On the default network. */
export function joinDefault(context: Pick<EngineContext, 'network'>, owner: NetworkOwner, ip: string): void {
  const { members, bridge } = context.network;
  const { id: container, name, spec, config, otherNames = [] } = owner;
  const aliases = [...spec.network.aliases, ...otherNames];
  // CRI may name no address: then there is none that a MAC could follow from.
  const mac = ip === '' ? '' : macOf(ip);
  members.join(bridge.id, { container, name, hostname: config.hostname, aliases, ip, ipv6: '', mac });
}

/** On a network that a user made, with the address that it has there. */
export function joinNamed(context: Pick<EngineContext, 'network'>, owner: NetworkOwner, endpoint: EndpointSpec): void {
  const { id: container, name, config, otherNames = [] } = owner;
  const { network, ip, ip6: ipv6 = '', mac } = endpoint;
  const aliases = [...endpoint.aliases, ...otherNames];
  context.network.members.join(network, { container, name, hostname: config.hostname, aliases, ip, ipv6, mac });
}

/** It has ended, or was never started: names, addresses and interfaces are given back. One that has nothing is fine. */
export function leaveNetworks(context: Pick<EngineContext, 'network' | 'sharers' | 'state' | 'log'>, id: string): void {
  const { members, named } = context.network;
  members.leave(id);
  const endpoints = (context.state.containers.byId(id) ?? context.state.pods.byId(id))?.endpoints ?? [];
  const shared = endpoints.length > 0 && context.sharers.has(id);
  try {
    // Whoever shares the namespace keeps it, and would answer for an address that somebody else is given.
    if (shared) named.cutOff(id, endpoints);
    named.close(id);
  } catch (err) {
    context.log.warn({ err, container: id }, 'cannot give back the network of a container');
  }
}

/** A process runs: where it is in the network of another, that one's is kept up. A pod's is that of each of its containers. */
export function noteSharing({ sharers, state }: Pick<EngineContext, 'sharers' | 'state'>, id: string): void {
  const donor = donorOf(state.containers.byId(id)?.spec.networkMode ?? '');
  if (donor !== undefined) sharers.add(id, state.containers.byId(donor)?.spec.pod || donor);
}

/**
 * Makes all those known whose rows say that they run. Whoever has ended meanwhile leaves when reconcile() finds that out; until then
 * the address leads nowhere, as it does on a host where a process has just died.
 */
export function recallMembers(context: Pick<EngineContext, 'network' | 'state'>): void {
  for (const record of context.state.containers.list()) {
    if (record.state === 'running' || record.state === 'paused') joinAgain(context, record);
  }
}

/** On all networks, with the addresses that its row has: what is known anew, or under other names. */
export function joinAgain(context: Pick<EngineContext, 'network'>, owner: NetworkOwner): void {
  if (owner.ip !== '' && isOnDefault(owner)) joinDefault(context, owner, owner.ip);
  for (const endpoint of owner.endpoints) if (endpoint.ip !== '') joinNamed(context, owner, endpoint);
}
