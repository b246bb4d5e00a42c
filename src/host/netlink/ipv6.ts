/** IPv6 addresses and networks as netlink and configuration need them: sixteen bytes, text, 128-bit numbers. */
import { isIPv6, SocketAddress } from 'node:net';

/** A network: the address of its first host bit zeroed, and its prefix length. */
export interface Ipv6Network {
  readonly address: bigint;
  readonly prefix: number;
}

const BITS = 128;
const ALL = (1n << 128n) - 1n;

/** Parses text into a 128-bit number; undefined when it is not an IPv6 address, or has a zone. */
export function parseIpv6(text: string): bigint | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined;
  // The last 32 bits may be written as an IPv4 address.
  const hexadecimal = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = '', tail] = hexadecimal.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const [front, back] = [groups(head), groups(tail ?? '')];
  const middle = tail === undefined ? [] : Array<string>(8 - front.length - back.length).fill('0');
  return [...front, ...middle, ...back].reduce((number, group) => (number << 16n) | BigInt(`0x${group}`), 0n);
}

/** The text of a 128-bit number, the one spelling that RFC 5952 leaves. */
export function formatIpv6(address: bigint): string {
  const groups = address.toString(16).padStart(32, '0').match(/.{4}/g) ?? [];
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

/** The sixteen bytes of an address's text in network order. Throws RangeError for anything else. */
export function ipv6Bytes(text: string): Buffer {
  const address = parseIpv6(text);
  if (address === undefined) throw new RangeError(`${text} is not an IPv6 address`);
  return numberBytes(address);
}

/** The text of sixteen bytes. */
export function formatIpv6Bytes(bytes: Buffer): string {
  return formatIpv6(BigInt(`0x${bytes.toString('hex')}`));
}

function numberBytes(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(32, '0'), 'hex');
}

function mask(prefix: number): bigint {
  return (ALL << BigInt(BITS - prefix)) & ALL;
}

/** The mask of a prefix length as bytes. */
export function ipv6MaskBytes(prefix: number): Buffer {
  return numberBytes(mask(prefix));
}

/** The network that an address belongs to at a prefix length. */
export function ipv6Network(address: bigint, prefix: number): Ipv6Network {
  return { address: address & mask(prefix), prefix };
}

/** The last address of a network. */
export function lastOfIpv6({ address, prefix }: Ipv6Network): bigint {
  return address | (ALL >> BigInt(prefix));
}

/** Parses "ADDRESS/PREFIX", with host bits or without; undefined when it is no IPv6 network. */
export function parseIpv6Network(text: string): Ipv6Network | undefined {
  const [addressText = '', prefixText = '', ...rest] = text.split('/');
  const address = parseIpv6(addressText);
  if (address === undefined || rest.length > 0 || !/^(\d|[1-9]\d|1[01]\d|12[0-8])$/.test(prefixText)) return undefined;
  return ipv6Network(address, Number(prefixText));
}

/** Whether two networks share an address. */
export function ipv6Overlap(one: Ipv6Network, other: Ipv6Network): boolean {
  const shorter = mask(Math.min(one.prefix, other.prefix));
  return ((one.address ^ other.address) & shorter) === 0n;
}

/** "ADDRESS/PREFIX". */
export function formatIpv6Network({ address, prefix }: Ipv6Network): string {
  return `${formatIpv6(address)}/${prefix}`;
}
