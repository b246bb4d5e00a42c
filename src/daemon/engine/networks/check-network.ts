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
}

/** Smaller ones have no room for a gateway and a container. */
const LONGEST_PREFIX = 30;
const SHORTEST_PREFIX = 8;

/** Throws INVALID_ARGUMENT, in docker's words where it has them. */
export function checkNewNetwork({ name, driver, options }: Pick<NewNetwork, 'name' | 'driver' | 'options'>): void {
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

function refuse(message: string, hint?: string): never {
  throw new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', hint });
}
