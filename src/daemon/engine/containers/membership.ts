/** A container's place among those of its networks, from before its process starts until after its end. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { EndpointSpec } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { donorOf, isOnDefault } from './network-mode.ts';

/** On the default network. */
export function joinDefault(context: Pick<EngineContext, 'network'>, record: ContainerRecord, ip: string): void {
  const { members, bridge } = context.network;
  const { id: container, name, config } = record;
  const { hostname } = config;
  members.join(bridge.id, { container, name, hostname, aliases: record.spec.network.aliases, ip, ipv6: '', mac: '' });
}

/** On a network that a user made, with the address that it has there. */
export function joinNamed(
  context: Pick<EngineContext, 'network'>,
  record: ContainerRecord,
  { network, aliases, ip, mac }: EndpointSpec,
): void {
  const { id: container, name, config } = record;
  context.network.members.join(network, { container, name, hostname: config.hostname, aliases, ip, ipv6: '', mac });
}

/** Its process has ended, or was never started: names, addresses and interfaces are given back. One that has nothing is fine. */
export function leaveNetworks(context: Pick<EngineContext, 'network' | 'live' | 'state' | 'log'>, id: string): void {
  const { members, named } = context.network;
  members.leave(id);
  const endpoints = context.state.containers.byId(id)?.endpoints ?? [];
  const shared = endpoints.length > 0 && isShared(context, id);
  try {
    // Whoever shares the namespace keeps it, and would answer for an address that somebody else is given.
    if (shared) named.cutOff(id, endpoints);
    named.close(id);
  } catch (err) {
    context.log.warn({ err, container: id }, 'cannot give back the network of a container');
  }
}

function isShared({ live, state }: Pick<EngineContext, 'live' | 'state'>, id: string): boolean {
  return [...live.keys()].some((other) => donorOf(state.containers.byId(other)?.spec.networkMode ?? '') === id);
}

/**
 * Makes all those known whose rows say that they run. Whoever has ended meanwhile leaves when reconcile() finds that out; until then
 * the address leads nowhere, as it does on a host where a process has just died.
 */
export function recallMembers(context: Pick<EngineContext, 'network' | 'state'>): void {
  for (const record of context.state.containers.list()) {
    if (record.state !== 'running' && record.state !== 'paused') continue;
    if (record.ip !== '' && isOnDefault(record)) joinDefault(context, record, record.ip);
    for (const endpoint of record.endpoints) if (endpoint.ip !== '') joinNamed(context, record, endpoint);
  }
}
