import type { Log } from '../../../host/log.ts';
import { familyOf, type IpFamily } from '../../../host/netlink/address.ts';
import { type Flow, type FlowFilter, forgetFlows, TransportProtocol } from '../../../host/netlink/conntrack.ts';
import { NetlinkError } from '../../../host/netlink/error.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import type { PublishedPort } from './ruleset.ts';

/**
 * Which tracked UDP flows a change of ports leaves behind. The kernel decides about NAT at a flow's first packet and keeps
 * to it as long as the flow does not pause, so that a busy client would never notice the change. Undefined where the
 * ports have no UDP among them: the connection table need not be read then.
 */
export type FlowsLeftBehind =
  | { readonly filters: readonly FlowFilter[]; readonly matches: (flow: Flow) => boolean }
  | undefined;

/** One port of a family lets the kernel do the sorting; with several, its list of all UDP flows is read once. */
function filtersOf(ports: readonly PublishedPort[]): FlowFilter[] {
  const families = Map.groupBy(ports, ({ podIp }): IpFamily => familyOf(podIp));
  return [...families].map(([family, [port, ...others]]) => ({
    family,
    protocol: TransportProtocol.udp,
    destinationPort: others.length === 0 ? port?.hostPort : undefined,
  }));
}

function udp(ports: readonly PublishedPort[]): PublishedPort[] {
  return ports.filter(({ protocol }) => protocol === 'udp');
}

/**
 * Flows that go past the pods which now have these ports: to the host itself, or to a pod before. Only flows to an
 * address of this host count, for the port's number may be a server's elsewhere too, such as 53.
 */
export function flowsPast(ports: readonly PublishedPort[], localAddresses: () => ReadonlySet<string>): FlowsLeftBehind {
  const published = udp(ports);
  if (published.length === 0) return undefined;
  const local = localAddresses();
  const pods = Map.groupBy(published, ({ hostPort }) => hostPort);
  const matches = ({ original, reply }: Flow): boolean => {
    if (!local.has(original.destination)) return false;
    const family = familyOf(original.destination);
    const candidates = (pods.get(original.destinationPort) ?? []).filter(
      ({ hostIp, podIp }) => familyOf(podIp) === family && ['', '0.0.0.0', '::', original.destination].includes(hostIp),
    );
    return candidates.length > 0 && !candidates.some(({ podIp }) => podIp === reply.source);
  };
  return { filters: filtersOf(published), matches };
}

/** Flows to the pods that had these ports. */
export function flowsTo(ports: readonly PublishedPort[]): FlowsLeftBehind {
  const removed = udp(ports);
  if (removed.length === 0) return undefined;
  const gone = new Set(removed.map(({ hostPort, podIp }) => `${hostPort} ${podIp}`));
  const matches = ({ original, reply }: Flow): boolean => gone.has(`${original.destinationPort} ${reply.source}`);
  return { filters: filtersOf(removed), matches };
}

/** Makes the kernel forget what a change has left behind; `undefined` for a change that leaves nothing. */
export function forgetLeft(netfilter: NetlinkSocket | undefined, left: FlowsLeftBehind, log: Log): void {
  if (netfilter === undefined || left === undefined) return;
  try {
    for (const filter of left.filters) forgetFlows(netfilter, filter, left.matches);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    log.warn(
      { err: error },
      'cannot forget old UDP flows: clients that never pause may go on talking to a container that is gone',
    );
  }
}
