/** The IPv6 side of a bridge: kernel settings, addresses, and the way through this host. */
import { readdirSync } from 'node:fs';
import { Code, K3cError } from '../../../api/errors.ts';
import { IpFamily } from '../../../host/netlink/address.ts';
import { isNetlinkError } from '../../../host/netlink/error.ts';
import { formatIpv6Network, ipv6Overlap } from '../../../host/netlink/ipv6.ts';
import { deleteAddress, type LinkAddress, listAddresses, newAddress } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { setSysctl, sysctlValue } from '../../../host/sysctl.ts';
import { type Ipv6Subnet, usedIpv6Networks } from './subnet-ipv6.ts';

/**
 * The bridge's address of the link, the same on each as docker has it: the kernel would give it one only when something is plugged in,
 * and until then could not ask for neighbours.
 */
const LINK_ADDRESS = 'fe80::1';

/**
 * Settings of an interface of ours. Advertisements of routers are what containers could send to become the router of this host or of one
 * another; nobody is asked whether another has an address, for we give them out.
 */
export function ipv6Settings(name: string): Readonly<Record<string, string>> {
  const place = `net/ipv6/conf/${name}`;
  return { [`${place}/disable_ipv6`]: '0', [`${place}/accept_ra`]: '0', [`${place}/accept_dad`]: '0' };
}

/** Of a bridge whose containers have IPv4 alone: an address of the link it has all the same. A host without IPv6 is fine. */
export function refuseAdvertisements(bridge: string): void {
  try {
    setSysctl(`net/ipv6/conf/${bridge}/accept_ra`, '0');
  } catch (error) {
    // EROFS and EACCES where /proc/sys is read-only: nothing else can be done about it there.
    if (!['ENOENT', 'EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/**
 * Gives a bridge that is up its IPv6 addresses, and takes others of before away.
 * @throws FAILED_PRECONDITION on a host without IPv6, and where something else uses the subnet
 */
export function addIpv6(
  socket: NetlinkSocket,
  bridge: { readonly name: string; readonly index: number },
  subnet: Ipv6Subnet,
): void {
  try {
    for (const [path, value] of Object.entries(ipv6Settings(bridge.name))) setSysctl(path, value);
  } catch (error) {
    throw new K3cError(Code.FAILED_PRECONDITION, `IPv6 cannot be used on ${bridge.name}: ${(error as Error).message}`, {
      hint: 'the kernel of this host has IPv6 turned off, or /proc/sys is read-only; leave --ipv6 away',
      cause: error,
    });
  }
  const { index: linkIndex } = bridge;
  const own = { linkIndex, address: subnet.gateway, prefix: subnet.network.prefix };
  const wanted: LinkAddress[] = [own, { linkIndex, address: LINK_ADDRESS, prefix: 64 }];
  const held = listAddresses(socket, IpFamily.IPV6).filter((one) => one.linkIndex === linkIndex);
  const isHeld = ({ address, prefix }: LinkAddress, all: readonly LinkAddress[]) =>
    all.some((other) => other.address === address && other.prefix === prefix);
  // A route that came later, such as a VPN's, is no reason to be without the network that containers are on.
  if (!isHeld(own, held)) refuseCollision(socket, bridge, subnet);
  for (const other of held)
    if (!other.address.startsWith('fe80:') && !isHeld(other, wanted)) socket.exchange(deleteAddress(other));
  for (const address of wanted.filter((one) => !isHeld(one, held))) {
    try {
      socket.exchange(newAddress(address));
    } catch (error) {
      // The kernel's own choice of an address of the link may be this one.
      if (!isNetlinkError(error, 'EEXIST')) throw error;
    }
  }
}

function refuseCollision(
  socket: NetlinkSocket,
  { name, index }: { readonly name: string; readonly index: number },
  { network }: Ipv6Subnet,
): void {
  const use = usedIpv6Networks(socket, index).find((other) => ipv6Overlap(other.network, network))?.use;
  if (use === undefined) return;
  throw new K3cError(
    Code.FAILED_PRECONDITION,
    `the network ${formatIpv6Network(network)} of ${name} collides with ${use}`,
  );
}

/**
 * Lets this host forward IPv6, which the kernel knows for all interfaces together. A host that forwards takes no more advertisements of
 * routers, by which it may have its own default route: interfaces that take them now go on doing so (accept_ra 2).
 * Throws the errors of files below /proc/sys.
 */
export function forwardIpv6(): void {
  const all = 'net/ipv6/conf/all/forwarding';
  if (sysctlValue(all) === '1') return;
  for (const name of readdirSync('/proc/sys/net/ipv6/conf')) {
    if (['all', 'default', 'lo'].includes(name)) continue;
    const place = `net/ipv6/conf/${name}`;
    try {
      const takesRoutes = sysctlValue(`${place}/forwarding`) === '0' && sysctlValue(`${place}/accept_ra`) === '1';
      if (takesRoutes) setSysctl(`${place}/accept_ra`, '2');
    } catch (error) {
      // An interface that has gone meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  setSysctl(all, '1');
}
