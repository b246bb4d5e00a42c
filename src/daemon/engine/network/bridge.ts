import { Code, K3cError } from '../../../api/errors.ts';
import { isNetlinkError } from '../../../host/netlink/error.ts';
import { formatIpv4Network, ipv4Network, ipv4Overlap, parseIpv4 } from '../../../host/netlink/ipv4.ts';
import {
  deleteAddress,
  deleteLink,
  findLink,
  type Link,
  type LinkAddress,
  listAddresses,
  listLinks,
  listRoutes,
  newAddress,
  newBridge,
  setLinkMac,
  setLinkMtu,
  setLinkUp,
} from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { refuseAdvertisements } from './bridge-ipv6.ts';
import { chooseFreeSubnet, parseBridgeCidr, refuseCollision, type Subnet, type UsedNetwork } from './subnet.ts';
import type { Ipv6Subnet } from './subnet-ipv6.ts';

const defaultMtu = 1500;
const mainTable = 254;
const localTable = 255;
/** Other daemons choose at the same moment; after so many lost races something else is wrong. */
const attempts = 8;

/** The bridge as it is on the host. */
export interface Bridge {
  readonly name: string;
  readonly subnet: Subnet;
  readonly mtu: number;
  readonly index: number;
  /** Nothing is forwarded from it or to it. */
  readonly internal?: boolean | undefined;
  /** Absent: it has no addresses of IPv6 that we gave it. */
  readonly ipv6?: Ipv6Subnet | undefined;
}

/**
 * The default route's, or that of one half of it: a VPN that takes all traffic adds a route to each half of the addresses, which win
 * over the default route and leave it as it is (OpenVPN, redirect-gateway def1).
 */
const LONGEST_DEFAULT_PREFIX = 1;

/** The MTU of the default route: of the route itself, else of its interface; 1500 without a default route. */
function defaultRouteMtu(socket: NetlinkSocket): number {
  const [best] = listRoutes(socket)
    .filter(
      ({ table, prefix, linkIndex }) => table === mainTable && prefix <= LONGEST_DEFAULT_PREFIX && linkIndex !== 0,
    )
    .sort((one, other) => other.prefix - one.prefix || one.priority - other.priority);
  if (best === undefined) return defaultMtu;
  return best.mtu || (listLinks(socket).find(({ index }) => index === best.linkIndex)?.mtu ?? defaultMtu);
}

/** The networks of all interfaces and routes, except the named bridge's own. */
export function usedNetworks(socket: NetlinkSocket, bridgeIndex: number | undefined): UsedNetwork[] {
  const names = new Map(listLinks(socket).map(({ index, name }) => [index, name]));
  const addresses = listAddresses(socket)
    .filter(({ linkIndex }) => linkIndex !== bridgeIndex)
    .map(({ linkIndex, address, prefix }) => ({
      linkIndex,
      network: ipv4Network(parseIpv4(address) ?? 0, prefix),
      use: `the address ${address}/${prefix} of ${names.get(linkIndex) ?? 'an interface'}`,
    }));
  const routes = listRoutes(socket)
    .filter(
      ({ table, prefix, linkIndex }) =>
        table !== localTable && prefix > LONGEST_DEFAULT_PREFIX && linkIndex !== bridgeIndex,
    )
    .map(({ destination, prefix, linkIndex }) => ({
      linkIndex,
      network: ipv4Network(parseIpv4(destination) ?? 0, prefix),
      use: `the route to ${destination}/${prefix}${linkIndex === 0 ? '' : ` over ${names.get(linkIndex) ?? 'an interface'}`}`,
    }));
  return [...addresses, ...routes];
}

/** A MAC that follows from the address, locally administered: the same after every start, and its own on every bridge. */
function bridgeMac(gateway: string): string {
  const bytes = gateway.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '6b', ...bytes].join(':');
}

/**
 * Makes sure that the bridge exists, is up, and has the address and MTU it should have. An existing bridge keeps its
 * network unless another is asked for; with containers on it that is refused (FAILED_PRECONDITION).
 * @param askedMtu 0: that of the default route
 */
export function ensureBridge(
  socket: NetlinkSocket,
  name: string,
  wanted: string | Subnet | undefined,
  askedMtu = 0,
): Bridge {
  const requested = typeof wanted === 'string' ? parseBridgeCidr(wanted) : wanted;
  const mtu = askedMtu === 0 ? defaultRouteMtu(socket) : askedMtu;
  const existing = findBridge(socket, name);
  const link = existing ?? makeBridge(socket, name, mtu);
  try {
    const subnet = settleSubnet(socket, link, requested);
    if (link.mtu !== mtu) socket.exchange(setLinkMtu(link.index, mtu));
    refuseAdvertisements(name);
    socket.exchange(setLinkUp(link.index));
    return { name, subnet, mtu, index: link.index };
  } catch (error) {
    if (existing === undefined) socket.exchange(deleteLink(link.index));
    throw error;
  }
}

function findBridge(socket: NetlinkSocket, name: string): Link | undefined {
  const link = findLink(socket, name);
  if (link === undefined || link.kind === 'bridge') return link;
  throw new K3cError(Code.FAILED_PRECONDITION, `${name} is there already and is not a bridge`, {
    hint: 'choose another name with --bridge-name',
  });
}

function makeBridge(socket: NetlinkSocket, name: string, mtu: number): Link {
  socket.exchange(newBridge({ name, mtu }));
  const link = findLink(socket, name);
  if (link === undefined) throw new K3cError(Code.INTERNAL, `the bridge ${name} vanished while it was made`);
  return link;
}

function settleSubnet(socket: NetlinkSocket, link: Link, requested: Subnet | undefined): Subnet {
  const held = listAddresses(socket).filter(({ linkIndex }) => linkIndex === link.index);
  const kept = held[0] && parseBridgeCidr(`${held[0].address}/${held[0].prefix}`);
  for (let attempt = 1; ; attempt++) {
    const used = usedNetworks(socket, link.index);
    const subnet = requested ?? kept ?? chooseFreeSubnet(used);
    // A route that came later, such as a VPN's, is no reason to be without the network that containers are on.
    if (requested !== undefined && !isSame(requested, kept)) refuseCollision(requested, used);
    dropOtherAddresses(socket, link, held, subnet);
    setAddress(socket, link.index, subnet);
    // Another daemon may have taken the same network between our look and our address: the older interface keeps it.
    const rival = usedNetworks(socket, link.index).find(
      (other) => other.linkIndex < link.index && ipv4Overlap(other.network, subnet.network),
    );
    if (rival === undefined || kept !== undefined) return subnet;
    socket.exchange(deleteAddress(addressOf(link.index, subnet)));
    if (requested !== undefined || attempt === attempts) refuseCollision(subnet, [rival]);
  }
}

function isSame(one: Subnet, other: Subnet | undefined): boolean {
  return one.gateway === other?.gateway && one.network.prefix === other.network.prefix;
}

function addressOf(linkIndex: number, { gateway, network }: Subnet): LinkAddress {
  return { linkIndex, address: gateway, prefix: network.prefix };
}

function setAddress(socket: NetlinkSocket, linkIndex: number, subnet: Subnet): void {
  try {
    socket.exchange(newAddress(addressOf(linkIndex, subnet)), setLinkMac(linkIndex, bridgeMac(subnet.gateway)));
  } catch (error) {
    // It has the address already, from the daemon before; the MAC is set all the same.
    if (!isNetlinkError(error, 'EEXIST')) throw error;
  }
}

function dropOtherAddresses(socket: NetlinkSocket, link: Link, held: readonly LinkAddress[], subnet: Subnet): void {
  const others = held.filter(({ address, prefix }) => address !== subnet.gateway || prefix !== subnet.network.prefix);
  if (others.length === 0) return;
  const ports = listLinks(socket).filter(({ master }) => master === link.index).length;
  if (ports > 0) {
    const names = others.map(({ address, prefix }) => `${address}/${prefix}`).join(', ');
    throw new K3cError(
      Code.FAILED_PRECONDITION,
      `the bridge ${link.name} has ${names} and ${ports} containers on it, so it cannot become ${formatIpv4Network(subnet.network)}`,
      {
        hint: 'stop the containers first, or leave --bridge-cidr as it was',
      },
    );
  }
  for (const address of others) socket.exchange(deleteAddress(address));
}
