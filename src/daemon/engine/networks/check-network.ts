/** What may be asked of a new network (moby: libnetwork's bridge driver and its address management). */
import { Code, K3cError } from '../../../api/errors.ts';
import {
  formatIpv4,
  formatIpv4Network,
  ipv4Network,
  ipv4Overlap,
  parseIpv4,
  parseIpv4Network,
} from '../../../host/netlink/ipv4.ts';
import {
  formatIpv6,
  formatIpv6Network,
  ipv6Network,
  ipv6Overlap,
  parseIpv6,
  parseIpv6Network,
} from '../../../host/netlink/ipv6.ts';

export const MTU_OPTION = 'com.docker.network.driver.mtu';

export interface NewNetwork {
  readonly name: string;
  /** Empty: bridge. */
  readonly driver: string;
  /** Empty: a free one. */
  readonly subnet: string;
  readonly gateway: string;
  readonly ipRange: string;
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Addresses of both families. */
  readonly ipv6: boolean;
  /** Empty: a free one. */
  readonly subnet6: string;
  readonly gateway6: string;
  readonly ipRange6: string;
}

/** RFC 8200, 5: the kernel turns IPv6 off on an interface with less. */
const LEAST_IPV6_MTU = 1280;

/** Smaller ones have no room for a gateway and a container. */
const LONGEST_PREFIX = 30;
const SHORTEST_PREFIX = 8;
const LONGEST_IPV6_PREFIX = 126;
const SHORTEST_IPV6_PREFIX = 16;

const unusableIpv4 = [
  { subnet: '0.0.0.0/8', use: 'this network' },
  { subnet: '127.0.0.0/8', use: 'the host itself' },
  { subnet: '224.0.0.0/4', use: 'groups' },
  { subnet: '240.0.0.0/4', use: 'nobody yet' },
] as const;
const unusable = [
  { subnet: '::/16', use: 'the host itself and for embedded IPv4 addresses' },
  { subnet: 'fe80::/10', use: 'addresses of the link' },
  { subnet: 'ff00::/8', use: 'groups' },
] as const;

/** Throws INVALID_ARGUMENT, in docker's words where it has them. */
export function checkNewNetwork({
  name,
  driver,
  options,
  ipv6,
}: Pick<NewNetwork, 'name' | 'driver' | 'options' | 'ipv6'>): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    refuse(`invalid network name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-]* are allowed`);
  if (['bridge', 'host', 'none', 'default', 'container'].includes(name))
    refuse(`operation is not permitted on predefined ${name} network`);
  if (driver !== '' && driver !== 'bridge')
    throw new K3cError(Code.NOT_FOUND, `could not find plugin ${driver} in v1 plugin registry: plugin not found`, {
      reason: 'bad-input',
      hint: 'the driver of k3c is bridge',
    });
  for (const [key, value] of Object.entries(options)) {
    if (key !== MTU_OPTION) refuse(`unknown option ${key}`, `k3c knows ${MTU_OPTION}`);
    if (!/^\d{2,5}$/.test(value) || Number(value) < 68 || Number(value) > 65535)
      refuse(`invalid value ${value} for ${key}`);
    if (ipv6 && Number(value) < LEAST_IPV6_MTU)
      refuse(`an MTU of ${value} is too small for IPv6, which needs ${LEAST_IPV6_MTU}`);
  }
}

/** The MTU that the options name; 0: none. */
export function mtuOf(options: Readonly<Record<string, string>>): number {
  return Number(options[MTU_OPTION] ?? 0);
}

export interface CheckedSubnet {
  readonly subnet: string;
  readonly gateway: string;
  readonly ipRange: string;
}

/** Completes a subnet that a user chose. Throws INVALID_ARGUMENT. */
export function checkSubnet({
  subnet,
  gateway,
  ipRange,
}: Pick<NewNetwork, 'subnet' | 'gateway' | 'ipRange'>): CheckedSubnet {
  const network = parseIpv4Network(subnet);
  if (network === undefined) return refuse(`invalid subnet ${subnet}: invalid CIDR block notation`);
  const { prefix } = network;
  if (prefix > LONGEST_PREFIX || prefix < SHORTEST_PREFIX)
    refuse(`invalid subnet ${subnet}: its prefix length must be from ${SHORTEST_PREFIX} to ${LONGEST_PREFIX}`);
  const unfit = unusableIpv4.find((other) => ipv4Overlap(parseIpv4Network(other.subnet) ?? network, network));
  if (unfit !== undefined) refuse(`invalid subnet ${subnet}: ${unfit.subnet} is for ${unfit.use}`);
  const range = ipRange === '' ? undefined : parseIpv4Network(ipRange);
  if (ipRange !== '' && (range === undefined || range.prefix < prefix || !ipv4Overlap(range, network)))
    refuse(`no matching subnet for range ${ipRange}`);
  const address = gateway === '' ? network.address + 1 : parseIpv4(gateway);
  if (address === undefined || ipv4Network(address, prefix).address !== network.address)
    return refuse(`no matching subnet for gateway ${gateway}`);
  if (address === network.address || address === network.address + 2 ** (32 - prefix) - 1)
    refuse(`invalid gateway ${gateway}: it is the first or the last address of ${formatIpv4Network(network)}`);
  return {
    subnet: formatIpv4Network(network),
    gateway: formatIpv4(address),
    ipRange: range === undefined ? '' : formatIpv4Network(range),
  };
}

/** Completes a subnet that a user chose. Throws INVALID_ARGUMENT. */
export function checkIpv6Subnet({
  subnet6,
  gateway6,
  ipRange6,
}: Pick<NewNetwork, 'subnet6' | 'gateway6' | 'ipRange6'>): CheckedSubnet {
  const network = parseIpv6Network(subnet6);
  if (network === undefined) return refuse(`invalid subnet ${subnet6}: invalid CIDR block notation`);
  const { prefix } = network;
  if (prefix > LONGEST_IPV6_PREFIX || prefix < SHORTEST_IPV6_PREFIX)
    refuse(
      `invalid subnet ${subnet6}: its prefix length must be from ${SHORTEST_IPV6_PREFIX} to ${LONGEST_IPV6_PREFIX}`,
    );
  const unfit = unusable.find((other) => ipv6Overlap(parseIpv6Network(other.subnet) ?? network, network));
  if (unfit !== undefined) refuse(`invalid subnet ${subnet6}: ${unfit.subnet} is for ${unfit.use}`);
  const range = ipRange6 === '' ? undefined : parseIpv6Network(ipRange6);
  if (ipRange6 !== '' && (range === undefined || range.prefix < prefix || !ipv6Overlap(range, network)))
    refuse(`no matching subnet for range ${ipRange6}`);
  const address = gateway6 === '' ? network.address + 1n : parseIpv6(gateway6);
  if (address === undefined || ipv6Network(address, prefix).address !== network.address)
    return refuse(`no matching subnet for gateway ${gateway6}`);
  if (address === network.address)
    refuse(`invalid gateway ${gateway6}: it is the first address of ${formatIpv6Network(network)}`);
  return {
    subnet: formatIpv6Network(network),
    gateway: formatIpv6(address),
    ipRange: range === undefined ? '' : formatIpv6Network(range),
  };
}

function refuse(message: string, hint?: string): never {
  throw new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', hint });
}
