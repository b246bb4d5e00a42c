/** Networks of ours that something else on the host uses too: seen at start, when it came after they were made. */
import { formatIpv4Network, ipv4Overlap } from '../../../host/netlink/ipv4.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { type Bridge, usedNetworks } from './bridge.ts';

export interface Overlap {
  readonly bridge: string;
  /** ADDRESS/PREFIX */
  readonly network: string;
  /** "the route to 10.0.0.0/8 over tun0" */
  readonly use: string;
}

/** At most one for each bridge. */
export function overlaps(socket: NetlinkSocket, bridges: readonly Bridge[]): Overlap[] {
  return bridges.flatMap(({ name, index, subnet }) => {
    const other = usedNetworks(socket, index).find(({ network }) => ipv4Overlap(network, subnet.network));
    return other === undefined ? [] : [{ bridge: name, network: formatIpv4Network(subnet.network), use: other.use }];
  });
}
