/** Which addresses of a network its hosts may have: what differs between the families. */
import { formatIpv4, type Ipv4Network, parseIpv4 } from '../../../host/netlink/ipv4.ts';
import { formatIpv6, type Ipv6Network, lastOfIpv6, parseIpv6 } from '../../../host/netlink/ipv6.ts';

export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

export interface AddressSpace {
  readonly family: 'IPv4' | 'IPv6';
  /** The network's own address. */
  readonly base: bigint;
  /** What a host may have. */
  readonly hosts: AddressRange;
  /** Where addresses that nobody asks for come from. */
  readonly range: AddressRange;
  readonly gateway: bigint | undefined;
  readonly parse: (text: string) => bigint | undefined;
  readonly format: (address: bigint) => string;
}

interface Place<Network> {
  readonly subnet: Network;
  readonly gateway: string;
  /** Absent: all of the subnet. */
  readonly range?: Network | undefined;
}

/** All but the first address and the last, which is for broadcasts. */
export function ipv4Space({ subnet, gateway, range }: Place<Ipv4Network>): AddressSpace {
  const whole = ({ address, prefix }: Ipv4Network): AddressRange => {
    const first = BigInt(address);
    return { first, last: first + 2n ** BigInt(32 - prefix) - 1n };
  };
  const { first, last } = whole(subnet);
  const hosts = { first: first + 1n, last: last - 1n };
  const parse = (text: string) => {
    const address = parseIpv4(text);
    return address === undefined ? undefined : BigInt(address);
  };
  return {
    family: 'IPv4',
    base: first,
    hosts,
    range: range === undefined ? hosts : common(whole(range), hosts),
    gateway: parse(gateway),
    parse,
    format: (address) => formatIpv4(Number(address)),
  };
}

/** All but the first address, which is for any router there is (RFC 4291, 2.6.1). */
export function ipv6Space({ subnet, gateway, range }: Place<Ipv6Network>): AddressSpace {
  const hosts = { first: subnet.address + 1n, last: lastOfIpv6(subnet) };
  return {
    family: 'IPv6',
    base: subnet.address,
    hosts,
    range: range === undefined ? hosts : common({ first: range.address, last: lastOfIpv6(range) }, hosts),
    gateway: parseIpv6(gateway),
    parse: parseIpv6,
    format: formatIpv6,
  };
}

/** The part of one range that lies in another. */
function common(one: AddressRange, other: AddressRange): AddressRange {
  let { first, last } = one;
  if (first < other.first) first = other.first;
  if (last > other.last) last = other.last;
  return { first, last };
}
