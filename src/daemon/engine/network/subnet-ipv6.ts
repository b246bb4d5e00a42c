/** The IPv6 side of a network: its subnet, and which subnets are free. */
import { randomBytes } from 'node:crypto';
import { Code, K3cError } from '../../../api/errors.ts';
import { IpFamily } from '../../../host/netlink/address.ts';
import { formatIpv6, type Ipv6Network, ipv6Network, ipv6Overlap, parseIpv6 } from '../../../host/netlink/ipv6.ts';
import { listAddresses, listLinks, listRoutes } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';

/** A bridge's IPv6 network, and its own address in it. */
export interface Ipv6Subnet {
  readonly network: Ipv6Network;
  readonly gateway: string;
}

export interface UsedIpv6Network {
  readonly network: Ipv6Network;
  /** "the route to fd00::/8 over tun0". */
  readonly use: string;
}

const localTable = 255;
/** A VPN that takes all traffic has such routes: OpenVPN's redirect-gateway ipv6 adds ::/3, 2000::/4, 3000::/4 and fc00::/7. */
const LONGEST_DEFAULT_PREFIX = 7;
const CHOSEN_PREFIX = 64;
/** Of 2^56 networks some are taken at most: a host that routes all of fd00::/8 has none, however often one asks. */
const ATTEMPTS = 32;

/** Every interface has these: addresses of the link, and groups. */
const everywhere: readonly Ipv6Network[] = [
  { address: 0xfe80n << 112n, prefix: 10 },
  { address: 0xffn << 120n, prefix: 8 },
];

/**
 * The networks of all interfaces and routes. Default routes are none, nor is what the kernel routes to the host itself.
 * @param except index of an interface that does not count
 */
export function usedIpv6Networks(socket: NetlinkSocket, except?: number): UsedIpv6Network[] {
  const names = new Map(listLinks(socket).map(({ index, name }) => [index, name]));
  const addresses = listAddresses(socket, IpFamily.IPV6)
    .filter(({ linkIndex }) => linkIndex !== except)
    .map(({ linkIndex, address, prefix }) => ({
      network: ipv6Network(parseIpv6(address) ?? 0n, prefix),
      use: `the address ${address}/${prefix} of ${names.get(linkIndex) ?? 'an interface'}`,
    }));
  const routes = listRoutes(socket, IpFamily.IPV6)
    .filter(
      ({ table, prefix, linkIndex }) =>
        table !== localTable && prefix > LONGEST_DEFAULT_PREFIX && linkIndex !== (except ?? -1),
    )
    .map(({ destination, prefix, linkIndex }) => ({
      network: ipv6Network(parseIpv6(destination) ?? 0n, prefix),
      use: `the route to ${destination}/${prefix}${linkIndex === 0 ? '' : ` over ${names.get(linkIndex) ?? 'an interface'}`}`,
    }));
  return [...addresses, ...routes].filter(({ network }) => !everywhere.some((common) => ipv6Overlap(common, network)));
}

/** A unique local /64 (RFC 4193: fd, 40 bits of chance, 16 for the subnet) that the host does not use. Throws FAILED_PRECONDITION. */
export function chooseIpv6Subnet(
  used: readonly UsedIpv6Network[],
  random: () => Buffer = () => randomBytes(7),
): Ipv6Subnet {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const network = { address: BigInt(`0xfd${random().toString('hex')}`) << 64n, prefix: CHOSEN_PREFIX };
    if (!used.some((other) => ipv6Overlap(other.network, network)))
      return { network, gateway: formatIpv6(network.address + 1n) };
  }
  throw new K3cError(
    Code.FAILED_PRECONDITION,
    'could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the network',
    { hint: 'name a subnet that is free here with --subnet' },
  );
}
