import { Code, K3cError } from '../../../api/errors.ts';
import {
  formatIpv4,
  formatIpv4Network,
  type Ipv4Network,
  ipv4Network,
  ipv4Overlap,
  parseIpv4,
} from '../../../host/netlink/ipv4.ts';

/** A network that the host uses, and in which way: "the route to 10.0.0.0/8 over tun0". */
export interface UsedNetwork {
  /** Index of the interface; 0 where there is none. */
  readonly linkIndex: number;
  readonly network: Ipv4Network;
  readonly use: string;
}

/** The bridge's network and its own address in it, which is the containers' gateway. */
export interface Subnet {
  readonly network: Ipv4Network;
  readonly gateway: string;
}

const smallestPrefix = 8;
/** A /29 leaves five addresses for containers; less is a mistake rather than a wish. */
const largestPrefix = 29;

/**
 * Networks to choose from, in this order. Left out are the defaults of others on the same machine: podman's 10.88 and
 * the start of its pool, docker's 172.17 to 172.29, Kubernetes' service networks 10.96 to 10.111, k3s' 10.42 and 10.43,
 * flannel's 10.244. The last ones are for hosts where all of 10.0.0.0/8 is routed.
 */
function* candidates(): Generator<Ipv4Network> {
  for (let second = 91; second <= 95; second++) yield candidate(`10.${second}.0.0`, 16);
  for (let second = 112; second <= 127; second++) yield candidate(`10.${second}.0.0`, 16);
  yield candidate('172.30.0.0', 16);
  yield candidate('172.31.0.0', 16);
  for (let third = 200; third <= 220; third++) yield candidate(`192.168.${third}.0`, 24);
}

/** docker's pools: its default bridge has 172.17; then networks of a sixteenth of a /16. */
function* namedCandidates(): Generator<Ipv4Network> {
  for (let second = 18; second <= 31; second++) yield candidate(`172.${second}.0.0`, 16);
  for (let third = 0; third < 256; third += 16) yield candidate(`192.168.${third}.0`, 20);
}

function candidate(address: string, prefix: number): Ipv4Network {
  return ipv4Network(parseIpv4(address) ?? 0, prefix);
}

function firstHost(network: Ipv4Network): string {
  return formatIpv4(network.address + 1);
}

/**
 * Parses --bridge-cidr: the network (its first address becomes the gateway) or the gateway itself, with a prefix length
 * between 8 and 29. Throws INVALID_ARGUMENT.
 */
export function parseBridgeCidr(text: string): Subnet {
  const [addressText = '', prefixText = '', ...rest] = text.split('/');
  const address = parseIpv4(addressText);
  const prefix = /^\d{1,2}$/.test(prefixText) ? Number(prefixText) : -1;
  if (address === undefined || rest.length > 0 || prefix < smallestPrefix || prefix > largestPrefix) {
    throw new K3cError(Code.INVALID_ARGUMENT, `bridge-cidr ${text} is not an IPv4 network`, {
      reason: 'bad-input',
      hint: `write it like 10.91.0.0/16, with a prefix length from ${smallestPrefix} to ${largestPrefix}`,
    });
  }
  const network = ipv4Network(address, prefix);
  const broadcast = network.address + 2 ** (32 - prefix) - 1;
  if (address === broadcast) {
    throw new K3cError(Code.INVALID_ARGUMENT, `bridge-cidr ${text} names the broadcast address as the gateway`, {
      reason: 'bad-input',
    });
  }
  return { network, gateway: address === network.address ? firstHost(network) : formatIpv4(address) };
}

function firstFree(all: Iterable<Ipv4Network>, used: readonly UsedNetwork[]): Subnet | undefined {
  for (const network of all) {
    if (!used.some((other) => ipv4Overlap(network, other.network))) return { network, gateway: firstHost(network) };
  }
  return undefined;
}

/** The same for a named network. */
export function chooseNamedSubnet(used: readonly UsedNetwork[]): Subnet {
  const free = firstFree(namedCandidates(), used);
  if (free !== undefined) return free;
  throw new K3cError(
    Code.FAILED_PRECONDITION,
    'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    { hint: 'name a subnet that is free here with --subnet' },
  );
}

/** The first candidate that the host does not use. Throws FAILED_PRECONDITION when there is none. */
export function chooseFreeSubnet(used: readonly UsedNetwork[]): Subnet {
  const free = firstFree(candidates(), used);
  if (free !== undefined) return free;
  throw new K3cError(Code.FAILED_PRECONDITION, 'no free network for the bridge: the host routes every candidate', {
    hint: 'name a network that is free here with --bridge-cidr',
  });
}

/** Refuses a network that the host uses already: FAILED_PRECONDITION. */
export function refuseCollision(subnet: Subnet, used: readonly UsedNetwork[]): void {
  const collision = used.find((other) => ipv4Overlap(subnet.network, other.network));
  if (collision === undefined) return;
  throw new K3cError(
    Code.FAILED_PRECONDITION,
    `the bridge network ${formatIpv4Network(subnet.network)} collides with ${collision.use}`,
    {
      hint: 'choose another with --bridge-cidr, or leave it out to get a free one',
    },
  );
}
