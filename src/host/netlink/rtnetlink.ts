import { addressBytes, addressLength, familyOf, formatAddressBytes, IpFamily } from './address.ts';
import { attribute, attributeMap, cString, Flag, host32, nested, parseCString } from './codec.ts';
import { isNetlinkError } from './error.ts';
import { ipv4Mask, parseIpv4 } from './ipv4.ts';
import type { NetlinkSocket, Request } from './socket.ts';

/** Numbers from linux/rtnetlink.h, linux/if_link.h and linux/if_addr.h. */
export const Type = {
  NEW_LINK: 16,
  DELETE_LINK: 17,
  GET_LINK: 18,
  SET_LINK: 19,
  NEW_ADDRESS: 20,
  DELETE_ADDRESS: 21,
  GET_ADDRESS: 22,
  NEW_ROUTE: 24,
  GET_ROUTE: 26,
} as const;
export const LinkAttribute = { ADDRESS: 1, NAME: 3, MTU: 4, LINK: 5, MASTER: 10, LINK_INFO: 18 } as const;
export const LinkInfoAttribute = { KIND: 1 } as const;
const AddressAttribute = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4 } as const;
const RouteAttribute = { DESTINATION: 1, OUTPUT_INTERFACE: 4, PRIORITY: 6, METRICS: 8, TABLE: 15 } as const;
const metricMtu = 2;
const interfaceUp = 0x1;
/** IFA_F_NODAD: nobody is asked whether another has the address, which takes a second in which it cannot be used. */
const noDuplicateDetection = 0x2;

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  /** Hexadecimal with colons; empty where the link has none. */
  readonly mac: string;
  /** Index of the bridge it is a port of; 0 for none. */
  readonly master: number;
  /** Of a pair's end: index of the other end, in whatever namespace that is; else 0, or the interface that it lies on. */
  readonly peer: number;
  /** Such as bridge or veth; empty for hardware. */
  readonly kind: string;
}

/** An address on an interface, of either family. */
export interface LinkAddress {
  readonly linkIndex: number;
  readonly address: string;
  readonly prefix: number;
}

/** A route of either family. */
export interface Route {
  /** Network address; 0.0.0.0 or :: with prefix 0 for the default route. */
  readonly destination: string;
  readonly prefix: number;
  /** 0 where the route has no single interface (blackhole, several next hops). */
  readonly linkIndex: number;
  /** The lower wins. */
  readonly priority: number;
  /** 254 is the main table, 255 the host's own addresses. */
  readonly table: number;
  /** The route's own MTU; 0 when the interface's counts. */
  readonly mtu: number;
}

/** What a new bridge gets. */
export interface BridgeOptions {
  readonly name: string;
  readonly mtu: number;
}

/** struct ifinfomsg: family, padding, device type, index, flags, mask of flags to change. */
export function linkHeader(index = 0, flags = 0, change = 0): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(change, 12);
  return header;
}

/** struct ifaddrmsg: family, prefix length, flags, scope, index. */
function addressHeader(family: IpFamily, linkIndex: number, prefix: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = family;
  header[1] = prefix;
  if (family === IpFamily.IPV6) header[2] = noDuplicateDetection;
  header.writeInt32LE(linkIndex, 4);
  return header;
}

export function macBytes(mac: string): Buffer {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) throw new RangeError(`${mac} is not a MAC address`);
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

/** The message that makes a bridge; fails with EEXIST where the name is taken. */
export function newBridge({ name, mtu }: BridgeOptions): Request {
  return {
    operation: `make bridge ${name}`,
    type: Type.NEW_LINK,
    flags: Flag.CREATE | Flag.EXCLUSIVE,
    payload: Buffer.concat([
      linkHeader(),
      attribute(LinkAttribute.NAME, cString(name)),
      attribute(LinkAttribute.MTU, host32(mtu)),
      nested(LinkAttribute.LINK_INFO, attribute(LinkInfoAttribute.KIND, cString('bridge'))),
    ]),
  };
}

/** The message that sets an interface up. */
export function setLinkUp(index: number): Request {
  return {
    operation: `set link ${index} up`,
    type: Type.NEW_LINK,
    flags: 0,
    payload: linkHeader(index, interfaceUp, interfaceUp),
  };
}

/** The message that changes an interface's MTU. */
export function setLinkMtu(index: number, mtu: number): Request {
  const payload = Buffer.concat([linkHeader(index), attribute(LinkAttribute.MTU, host32(mtu))]);
  return { operation: `set MTU of link ${index}`, type: Type.NEW_LINK, flags: 0, payload };
}

/** The message that gives an interface a MAC. A bridge without a MAC of its own takes that of some port, and changes it. */
export function setLinkMac(index: number, mac: string): Request {
  const payload = Buffer.concat([linkHeader(index), attribute(LinkAttribute.ADDRESS, macBytes(mac))]);
  return { operation: `set MAC of link ${index}`, type: Type.NEW_LINK, flags: 0, payload };
}

/** The message that removes an interface. */
export function deleteLink(index: number): Request {
  return { operation: `delete link ${index}`, type: Type.DELETE_LINK, flags: 0, payload: linkHeader(index) };
}

function addressPayload({ linkIndex, address, prefix }: LinkAddress): Buffer {
  const family = familyOf(address);
  return Buffer.concat([
    addressHeader(family, linkIndex, prefix),
    attribute(AddressAttribute.LOCAL, addressBytes(address)),
    attribute(AddressAttribute.ADDRESS, addressBytes(address)),
    ...(family === IpFamily.IPV4 ? [attribute(AddressAttribute.BROADCAST, broadcastOf(address, prefix))] : []),
  ]);
}

function broadcastOf(address: string, prefix: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(((parseIpv4(address) ?? 0) | ~ipv4Mask(prefix)) >>> 0);
  return bytes;
}

/** The message that gives an interface an address, of IPv4 with its broadcast address; EEXIST when it has it. */
export function newAddress(address: LinkAddress): Request {
  return {
    operation: `add address ${address.address}`,
    type: Type.NEW_ADDRESS,
    flags: Flag.CREATE | Flag.EXCLUSIVE,
    payload: addressPayload(address),
  };
}

/** The message that takes an address from an interface. */
export function deleteAddress(address: LinkAddress): Request {
  return {
    operation: `delete address ${address.address}`,
    type: Type.DELETE_ADDRESS,
    flags: 0,
    payload: addressPayload(address),
  };
}

function parseLink(payload: Buffer): Link {
  const attributes = attributeMap(payload.subarray(16));
  const text = (type: number) => parseCString(attributes.get(type) ?? Buffer.alloc(0));
  const number = (type: number) => attributes.get(type)?.readUInt32LE(0) ?? 0;
  const kind = attributeMap(attributes.get(LinkAttribute.LINK_INFO) ?? Buffer.alloc(0)).get(LinkInfoAttribute.KIND);
  return {
    index: payload.readInt32LE(4),
    name: text(LinkAttribute.NAME),
    up: (payload.readUInt32LE(8) & interfaceUp) !== 0,
    mtu: number(LinkAttribute.MTU),
    mac: Array.from(attributes.get(LinkAttribute.ADDRESS) ?? [], (byte) => byte.toString(16).padStart(2, '0')).join(
      ':',
    ),
    master: number(LinkAttribute.MASTER),
    peer: number(LinkAttribute.LINK),
    kind: kind === undefined ? '' : parseCString(kind),
  };
}

/** The interface of that name, or undefined. */
export function findLink(socket: NetlinkSocket, name: string): Link | undefined {
  const payload = Buffer.concat([linkHeader(), attribute(LinkAttribute.NAME, cString(name))]);
  try {
    const [reply] = socket.exchange({ operation: `find link ${name}`, type: Type.GET_LINK, flags: 0, payload });
    return reply === undefined ? undefined : parseLink(reply.payload);
  } catch (error) {
    if (isNetlinkError(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** All interfaces of the network namespace that the socket was opened in. */
export function listLinks(socket: NetlinkSocket): Link[] {
  return socket.dump('list links', Type.GET_LINK, linkHeader()).map(({ payload }) => parseLink(payload));
}

/** All addresses of a family. */
export function listAddresses(socket: NetlinkSocket, family: IpFamily = IpFamily.IPV4): LinkAddress[] {
  return socket.dump('list addresses', Type.GET_ADDRESS, addressHeader(family, 0, 0)).map(({ payload }) => {
    const attributes = attributeMap(payload.subarray(8));
    // LOCAL is the interface's own address; ADDRESS is the peer's on a point-to-point link.
    const bytes =
      attributes.get(AddressAttribute.LOCAL) ??
      attributes.get(AddressAttribute.ADDRESS) ??
      Buffer.alloc(addressLength(family));
    return { linkIndex: payload.readInt32LE(4), address: formatAddressBytes(bytes), prefix: payload.readUInt8(1) };
  });
}

/** All routes of a family, of all tables. struct rtmsg is 12 bytes: family, prefix length, …, table at offset 4. */
export function listRoutes(socket: NetlinkSocket, family: IpFamily = IpFamily.IPV4): Route[] {
  const header = Buffer.alloc(12);
  header[0] = family;
  return socket.dump('list routes', Type.GET_ROUTE, header).map(({ payload }) => {
    const attributes = attributeMap(payload.subarray(12));
    const number = (type: number) => attributes.get(type)?.readUInt32LE(0);
    const metrics = attributeMap(attributes.get(RouteAttribute.METRICS) ?? Buffer.alloc(0));
    return {
      destination: formatAddressBytes(
        attributes.get(RouteAttribute.DESTINATION) ?? Buffer.alloc(addressLength(family)),
      ),
      prefix: payload.readUInt8(1),
      linkIndex: number(RouteAttribute.OUTPUT_INTERFACE) ?? 0,
      priority: number(RouteAttribute.PRIORITY) ?? 0,
      table: number(RouteAttribute.TABLE) ?? payload.readUInt8(4),
      mtu: metrics.get(metricMtu)?.readUInt32LE(0) ?? 0,
    };
  });
}
