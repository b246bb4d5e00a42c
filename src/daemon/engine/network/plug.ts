/** A container's interfaces: virtual pairs between a bridge and its network namespace. Synchronous: some two milliseconds each. */
import { randomBytes } from 'node:crypto';
import { isNetlinkError } from '../../../host/netlink/error.ts';
import { deleteLink, findLink, listLinks, newAddress, setLinkUp } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { newDefaultRoute, newVeth, setHairpin } from '../../../host/netlink/veth.ts';
import { useNetns } from '../../../host/netns.ts';
import type { Bridge } from './bridge.ts';
import { ipv6Settings } from './bridge-ipv6.ts';

const LOOPBACK = 1;

export interface PlugOptions {
  /** Of the host. */
  readonly route: NetlinkSocket;
  readonly bridge: Bridge;
  readonly netns: string;
  readonly ip: string;
  /** Of a bridge that has IPv6; empty: none. */
  readonly ip6: string;
  readonly mac: string;
  /** Absent: the next of eth0, eth1 … */
  readonly name?: string;
  /** The host's end. Absent: any name. */
  readonly hostEnd?: string;
  /** Everything without a route of its own goes out here, unless there is such a route. */
  readonly defaultRoute: boolean;
}

/** docker's: it follows from the address, so that neighbours who remember the one are right about the other. */
export function macOf(ip: string): string {
  const bytes = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

/** The two ends of a pair. */
export interface Pair {
  readonly inside: string;
  readonly hostEnd: string;
}

/** Gives the namespace an interface, up and with its addresses. EEXIST where it, or the host, has one of that name. */
export function plug(options: PlugOptions): Pair {
  const { route, bridge, netns, ip, ip6, mac, name: asked, defaultRoute } = options;
  const { hostEnd = `veth${randomBytes(4).toString('hex')}` } = options;
  return useNetns(netns, ({ route: inner, fd, sysctl }) => {
    const name = asked ?? freeName(listLinks(inner).map((link) => link.name));
    const peer = { name, mac, namespace: fd };
    route.exchange(newVeth({ name: hostEnd, mtu: bridge.mtu, master: bridge.index, peer }));
    const outside = indexOf(route, hostEnd);
    try {
      const inside = indexOf(inner, name);
      const address = { linkIndex: inside, address: ip, prefix: bridge.subnet.network.prefix };
      route.exchange(setHairpin(outside), setLinkUp(outside));
      if (ip6 !== '') sysctl(ipv6Settings(name));
      inner.exchange(setLinkUp(LOOPBACK), newAddress(address), setLinkUp(inside));
      if (ip6 !== '' && bridge.ipv6 !== undefined)
        inner.exchange(newAddress({ linkIndex: inside, address: ip6, prefix: bridge.ipv6.network.prefix }));
      if (defaultRoute) for (const gateway of gatewaysOf(bridge)) addDefaultRoute(inner, inside, gateway);
      return { inside: name, hostEnd };
    } catch (error) {
      route.exchange(deleteLink(outside));
      throw error;
    }
  });
}

/** For a namespace in which nothing is to be plugged. */
export function raiseLoopback(netns: string): void {
  useNetns(netns, ({ route }) => void route.exchange(setLinkUp(LOOPBACK)));
}

/** Takes an interface away, and both of its ends with it. One that is gone is fine. */
export function unplug(netns: string, name: string): void {
  useNetns(netns, ({ route }) => {
    const link = findLink(route, name);
    if (link !== undefined) route.exchange(deleteLink(link.index));
  });
}

/** Leads everything without a route of its own out by an interface on a bridge, unless there is such a route of the family. */
export function routeBy(netns: string, name: string, bridge: Bridge): void {
  useNetns(netns, ({ route }) => {
    const index = indexOf(route, name);
    for (const gateway of gatewaysOf(bridge)) addDefaultRoute(route, index, gateway);
  });
}

function gatewaysOf({ subnet, ipv6 }: Bridge): string[] {
  return ipv6 === undefined ? [subnet.gateway] : [subnet.gateway, ipv6.gateway];
}

function addDefaultRoute(inner: NetlinkSocket, index: number, gateway: string): void {
  try {
    inner.exchange(newDefaultRoute(index, gateway));
  } catch (error) {
    // Another network's leads out.
    if (!isNetlinkError(error, 'EEXIST')) throw error;
  }
}

function indexOf(socket: NetlinkSocket, name: string): number {
  const link = findLink(socket, name);
  if (link === undefined) throw new Error(`the interface ${name} vanished while it was made`);
  return link.index;
}

function freeName(taken: readonly string[]): string {
  for (let i = 0; ; i++) if (!taken.includes(`eth${i}`)) return `eth${i}`;
}
