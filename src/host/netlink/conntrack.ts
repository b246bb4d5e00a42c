import { formatAddressBytes, IpFamily } from './address.ts';
import { attribute, attributeMap, be16, host32, nested } from './codec.ts';
import { isNetlinkError } from './error.ts';
import type { NetlinkSocket } from './socket.ts';

/** Numbers from linux/netfilter/nfnetlink_conntrack.h. */
const subsystemConntrack = 1;
const Type = { GET: 1, DELETE: 2 } as const;
const headerLength = 4;
const Tuple = { ORIGINAL: 1, REPLY: 2 } as const;
const TupleAttribute = { IP: 1, PROTOCOL: 2 } as const;
const IpAttribute = { SOURCE_4: 1, DESTINATION_4: 2, SOURCE_6: 3, DESTINATION_6: 4 } as const;
const filterAttribute = 25;
/** Which fields of the tuple count (net/netfilter/nf_internals.h). */
const FilterFlag = { PROTOCOL: 0x08, DESTINATION_PORT: 0x20 } as const;

/** Numbers of the transport protocols that ports belong to. */
export const TransportProtocol = { tcp: 6, udp: 17 } as const;

/** One end to end direction of a tracked connection. */
export interface FlowDirection {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** A tracked connection of either family: as its first packet was, and as answers to it look (the other end after NAT). */
export interface Flow {
  readonly protocol: number;
  readonly original: FlowDirection;
  readonly reply: FlowDirection;
}

function parseTuple(tuple: Buffer): FlowDirection & { protocol: number } {
  const attributes = attributeMap(tuple);
  const ip = attributeMap(attributes.get(TupleAttribute.IP) ?? Buffer.alloc(0));
  const protocol = attributeMap(attributes.get(TupleAttribute.PROTOCOL) ?? Buffer.alloc(0));
  const address = (four: number, six: number) => formatAddressBytes(ip.get(four) ?? ip.get(six) ?? Buffer.alloc(4));
  return {
    source: address(IpAttribute.SOURCE_4, IpAttribute.SOURCE_6),
    destination: address(IpAttribute.DESTINATION_4, IpAttribute.DESTINATION_6),
    protocol: protocol.get(1)?.readUInt8(0) ?? 0,
    sourcePort: protocol.get(2)?.readUInt16BE(0) ?? 0,
    destinationPort: protocol.get(3)?.readUInt16BE(0) ?? 0,
  };
}

/** What the kernel itself sorts out of a dump: flows of a protocol, and of an original destination port. */
export interface FlowFilter {
  /** Absent: IPv4. */
  readonly family?: IpFamily | undefined;
  readonly protocol: number;
  readonly destinationPort?: number | undefined;
}

/** CTA_FILTER with CTA_TUPLE_ORIG. The kernel knows it since 5.8; one before ignores it and lists everything. */
function filterAttributes({ protocol, destinationPort }: FlowFilter): Buffer {
  const byPort = destinationPort === undefined ? [] : [attribute(3, be16(destinationPort))];
  const flags = FilterFlag.PROTOCOL | (destinationPort === undefined ? 0 : FilterFlag.DESTINATION_PORT);
  return Buffer.concat([
    nested(Tuple.ORIGINAL, nested(TupleAttribute.PROTOCOL, attribute(1, Buffer.from([protocol])), ...byPort)),
    nested(filterAttribute, attribute(1, host32(flags))),
  ]);
}

/**
 * Makes the kernel forget the tracked connections that `matches` picks among those of the filter, so that their next
 * packet is judged by today's rules. A UDP flow that never pauses would otherwise stay with the container that its port
 * once led to. Returns how many were forgotten.
 */
export function forgetFlows(socket: NetlinkSocket, filter: FlowFilter, matches: (flow: Flow) => boolean): number {
  const header = Buffer.from([filter.family ?? IpFamily.IPV4, 0, 0, 0]);
  const request = Buffer.concat([header, filterAttributes(filter)]);
  let forgotten = 0;
  for (const { payload } of socket.dump('list connections', (subsystemConntrack << 8) | Type.GET, request)) {
    const attributes = attributeMap(payload.subarray(headerLength));
    const original = attributes.get(Tuple.ORIGINAL);
    const reply = attributes.get(Tuple.REPLY);
    if (original === undefined || reply === undefined) continue;
    const { protocol, ...direction } = parseTuple(original);
    if (protocol !== filter.protocol || !matches({ protocol, original: direction, reply: parseTuple(reply) })) continue;
    if (forget(socket, header, original, attributes)) forgotten++;
  }
  return forgotten;
}

function forget(
  socket: NetlinkSocket,
  header: Buffer,
  original: Buffer,
  attributes: ReadonlyMap<number, Buffer>,
): boolean {
  // CTA_ID makes sure that it is this connection and not a newer one with the same ends; CTA_ZONE finds it in its zone.
  const identity = [12, 18].flatMap((type) => {
    const value = attributes.get(type);
    return value === undefined ? [] : [attribute(type, value)];
  });
  const payload = Buffer.concat([header, nested(Tuple.ORIGINAL, original), ...identity]);
  try {
    socket.exchange({
      operation: 'forget connection',
      type: (subsystemConntrack << 8) | Type.DELETE,
      flags: 0,
      payload,
    });
    return true;
  } catch (error) {
    // It ended by itself in between.
    if (isNetlinkError(error, 'ENOENT')) return false;
    throw error;
  }
}
