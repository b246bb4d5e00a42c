/** Pairs of virtual interfaces: one end on a bridge of the host, the other in a container's network namespace. */
import { addressBytes, familyOf } from './address.ts';
import { attribute, cString, Flag, host32, nested } from './codec.ts';
import { LinkAttribute, LinkInfoAttribute, linkHeader, macBytes, Type } from './rtnetlink.ts';
import type { Request } from './socket.ts';

/** Numbers from linux/if_link.h, linux/veth.h and linux/rtnetlink.h. */
const Attribute = { PROTOCOL_INFO: 12, NAMESPACE_FD: 28 } as const;
const infoData = 2;
const vethPeer = 1;
const bridgePortHairpin = 4;
const familyBridge = 7;
const RouteAttribute = { OUTPUT_INTERFACE: 4, GATEWAY: 5 } as const;

export interface VethOptions {
  readonly name: string;
  readonly mtu: number;
  /** Index of the bridge that the host's end becomes a port of. */
  readonly master: number;
  readonly peer: {
    readonly name: string;
    readonly mac: string;
    /** An open file of the namespace that it goes to. */
    readonly namespace: number;
  };
}

/** The message that makes a pair, both ends down (neither can be up before the other is there); EEXIST where a name is taken. */
export function newVeth({ name, mtu, master, peer }: VethOptions): Request {
  const other = Buffer.concat([
    linkHeader(),
    attribute(LinkAttribute.NAME, cString(peer.name)),
    attribute(LinkAttribute.MTU, host32(mtu)),
    attribute(LinkAttribute.ADDRESS, macBytes(peer.mac)),
    attribute(Attribute.NAMESPACE_FD, host32(peer.namespace)),
  ]);
  return {
    operation: `make interface ${name}`,
    type: Type.NEW_LINK,
    flags: Flag.CREATE | Flag.EXCLUSIVE,
    payload: Buffer.concat([
      linkHeader(),
      attribute(LinkAttribute.NAME, cString(name)),
      attribute(LinkAttribute.MTU, host32(mtu)),
      attribute(LinkAttribute.MASTER, host32(master)),
      nested(
        LinkAttribute.LINK_INFO,
        attribute(LinkInfoAttribute.KIND, cString('veth')),
        nested(infoData, nested(vethPeer, other)),
      ),
    ]),
  };
}

/** The message that lets a bridge send a frame back where it came from: a container reaches itself by its published port so. */
export function setHairpin(index: number): Request {
  const header = linkHeader(index);
  header[0] = familyBridge;
  return {
    operation: `set hairpin of link ${index}`,
    type: Type.SET_LINK,
    flags: 0,
    payload: Buffer.concat([header, nested(Attribute.PROTOCOL_INFO, attribute(bridgePortHairpin, Buffer.from([1])))]),
  };
}

/** The message that sends everything without a route of its own to a gateway; EEXIST where there is such a route. */
export function newDefaultRoute(linkIndex: number, gateway: string): Request {
  // struct rtmsg: family, all destinations, table main, protocol boot, scope universe, unicast.
  const header = Buffer.from([familyOf(gateway), 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
  return {
    operation: `route by ${gateway}`,
    type: Type.NEW_ROUTE,
    flags: Flag.CREATE | Flag.EXCLUSIVE,
    payload: Buffer.concat([
      header,
      attribute(RouteAttribute.GATEWAY, addressBytes(gateway)),
      attribute(RouteAttribute.OUTPUT_INTERFACE, host32(linkIndex)),
    ]),
  };
}
