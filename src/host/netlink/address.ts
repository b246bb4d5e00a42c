/** Addresses of either family, told apart by their text or by the number of their bytes. */
import { isIPv6 } from 'node:net';
import { formatIpv4Bytes, ipv4Bytes } from './ipv4.ts';
import { formatIpv6Bytes, ipv6Bytes } from './ipv6.ts';

/** Numbers of address families (linux/socket.h). */
export const IpFamily = { IPV4: 2, IPV6: 10 } as const;
export type IpFamily = (typeof IpFamily)[keyof typeof IpFamily];

/** How many bytes an address has. */
export function addressLength(family: IpFamily): number {
  return family === IpFamily.IPV6 ? 16 : 4;
}

/** The family of an address's text; whatever is no IPv6 counts as IPv4. */
export function familyOf(address: string): IpFamily {
  return isIPv6(address) ? IpFamily.IPV6 : IpFamily.IPV4;
}

/** Its bytes in network order. Throws RangeError for text that is no address. */
export function addressBytes(address: string): Buffer {
  return isIPv6(address) ? ipv6Bytes(address) : ipv4Bytes(address);
}

/** The text of four or sixteen bytes. */
export function formatAddressBytes(bytes: Buffer): string {
  return bytes.length === 16 ? formatIpv6Bytes(bytes) : formatIpv4Bytes(bytes);
}
