/** From what is recorded of a network to its bridge, its addresses, and what others are told of it. */
import { Code, K3cError } from '../../../api/errors.ts';
import { parseIpv4, parseIpv4Network } from '../../../host/netlink/ipv4.ts';
import { parseIpv6Network } from '../../../host/netlink/ipv6.ts';
import { deleteLink, listLinks } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { type Bridge, ensureBridge } from './bridge.ts';
import { addIpv6 } from './bridge-ipv6.ts';
import type { MemberNetwork } from './members.ts';
import { NetworkAddresses } from './network-addresses.ts';
import type { NetworkDefinition } from './network-definition.ts';
import type { Ipv6Subnet } from './subnet-ipv6.ts';

/** Makes the bridge, or takes up the one that is there. Throws FAILED_PRECONDITION where its network collides. */
export function makeNetworkBridge(route: NetlinkSocket, definition: NetworkDefinition): Bridge {
  const network = parseIpv4Network(definition.subnet);
  if (network === undefined || parseIpv4(definition.gateway) === undefined)
    throw new K3cError(Code.INTERNAL, `network ${definition.name} has no IPv4 subnet`);
  const made = ensureBridge(route, definition.bridge, { network, gateway: definition.gateway }, definition.mtu);
  const ipv6 = giveIpv6(route, definition, made);
  return { ...made, internal: definition.internal, ...(ipv6 === undefined ? {} : { ipv6 }) };
}

function giveIpv6(route: NetlinkSocket, { name, ipv6 }: NetworkDefinition, made: Bridge): Ipv6Subnet | undefined {
  if (ipv6 === undefined) return undefined;
  const network = parseIpv6Network(ipv6.subnet);
  if (network === undefined) throw new K3cError(Code.INTERNAL, `network ${name} has no IPv6 subnet`);
  const subnet = { network, gateway: ipv6.gateway };
  try {
    addIpv6(route, made, subnet);
    return subnet;
  } catch (error) {
    // What nobody is plugged into yet is not left behind half made.
    if (!hasPorts(route, made)) route.exchange(deleteLink(made.index));
    throw error;
  }
}

/** Whether anything is plugged into it. */
export function hasPorts(route: NetlinkSocket, { index }: Pick<Bridge, 'index'>): boolean {
  return listLinks(route).some(({ master }) => master === index);
}

/** The addresses of a network, none of them given yet. */
export function addressesOf({ name, ipRange, ipv6 }: NetworkDefinition, bridge: Bridge): NetworkAddresses {
  return new NetworkAddresses({
    name,
    ipv4: { subnet: bridge.subnet.network, gateway: bridge.subnet.gateway, range: parseIpv4Network(ipRange) },
    ipv6: bridge.ipv6 && {
      subnet: bridge.ipv6.network,
      gateway: bridge.ipv6.gateway,
      range: parseIpv6Network(ipv6?.ipRange ?? ''),
    },
  });
}

/** As its members know it. */
export function memberNetwork({ id, name, bridge, gateway, subnet, internal, ipv6 }: NetworkDefinition): MemberNetwork {
  return {
    id,
    name,
    bridge,
    gateway,
    cidr: subnet,
    internal,
    ...(ipv6 === undefined ? {} : { ipv6: { gateway: ipv6.gateway, cidr: ipv6.subnet } }),
  };
}
