/** Names of reverse look-ups (RFC 1035, 3.5; RFC 3596, 2.5). */
import { isIPv4, SocketAddress } from 'node:net';

/** The address that a name of in-addr.arpa or ip6.arpa stands for, as canonicalAddress() writes it; undefined for other names. */
export function reversedAddress(name: string): string | undefined {
  const labels = name.split('.');
  const [zone, arpa] = labels.splice(-2);
  if (arpa !== 'arpa') return undefined;
  if (zone === 'in-addr' && labels.length === 4) {
    const address = labels.reverse().join('.');
    return isIPv4(address) ? address : undefined;
  }
  if (zone !== 'ip6' || labels.length !== 32 || labels.some((label) => !/^[0-9a-f]$/.test(label))) return undefined;
  return canonicalAddress((labels.reverse().join('').match(/.{4}/g) ?? []).join(':'));
}

/** One spelling for each address. */
export function canonicalAddress(address: string): string {
  return isIPv4(address) ? address : new SocketAddress({ address, family: 'ipv6' }).address;
}
