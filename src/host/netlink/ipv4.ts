/** IPv4 addresses and networks as netlink and configuration need them: four bytes, dotted text, 32-bit numbers. */

/** A network: the address of its first host bit zeroed, and its prefix length. */
export interface Ipv4Network {
  readonly address: number;
  readonly prefix: number;
}

/** Parses dotted-quad text into a 32-bit number; undefined when it is not an IPv4 address. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((number, part) => number * 256 + Number(part), 0);
}

/** The dotted-quad text of a 32-bit number. */
export function formatIpv4(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');
}

/** The four bytes of dotted-quad text in network order. Throws RangeError for anything else. */
export function ipv4Bytes(text: string): Buffer {
  const address = parseIpv4(text);
  if (address === undefined) throw new RangeError(`${text} is not an IPv4 address`);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  return bytes;
}

/** The dotted-quad text of four bytes. */
export function formatIpv4Bytes(bytes: Buffer): string {
  return formatIpv4(bytes.readUInt32BE(0));
}

/** The mask of a prefix length as a 32-bit number. */
export function ipv4Mask(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}

/** The network that an address belongs to at a prefix length. */
export function ipv4Network(address: number, prefix: number): Ipv4Network {
  return { address: (address & ipv4Mask(prefix)) >>> 0, prefix };
}

/** Parses "ADDRESS/PREFIX", with host bits or without; undefined when it is no IPv4 network. */
export function parseIpv4Network(text: string): Ipv4Network | undefined {
  const [addressText = '', prefixText = '', ...rest] = text.split('/');
  const address = parseIpv4(addressText);
  if (address === undefined || rest.length > 0 || !/^(\d|[12]\d|3[0-2])$/.test(prefixText)) return undefined;
  return ipv4Network(address, Number(prefixText));
}

/** Whether two networks share an address. */
export function ipv4Overlap(one: Ipv4Network, other: Ipv4Network): boolean {
  const mask = ipv4Mask(Math.min(one.prefix, other.prefix));
  return ((one.address ^ other.address) & mask) === 0;
}

/** "ADDRESS/PREFIX". */
export function formatIpv4Network({ address, prefix }: Ipv4Network): string {
  return `${formatIpv4(address)}/${prefix}`;
}
