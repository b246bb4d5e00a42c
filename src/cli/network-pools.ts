/** `network create`'s subnets, gateways and ranges: one of each for a family. */
import { isIPv6 } from 'node:net';
import { Code, K3cError } from '../api/errors.ts';
import type { CreateNetworkRequest } from '../api/gen/k3c.ts';

export interface PoolFlags {
  readonly gateway?: readonly string[];
  readonly ipRange?: readonly string[];
  readonly subnet?: readonly string[];
}

export type Pools = Pick<CreateNetworkRequest, 'subnet' | 'gateway' | 'ipRange' | 'subnet6' | 'gateway6' | 'ipRange6'>;

/** Throws INVALID_ARGUMENT for two of a kind, and for an empty one. Whether they are right the daemon says. */
export function toPools({ subnet = [], gateway = [], ipRange = [] }: PoolFlags): Pools {
  const subnets = onePerFamily('subnet', subnet);
  const gateways = onePerFamily('gateway', gateway);
  const ranges = onePerFamily('ip-range', ipRange);
  return {
    subnet: subnets.ipv4,
    gateway: gateways.ipv4,
    ipRange: ranges.ipv4,
    subnet6: subnets.ipv6,
    gateway6: gateways.ipv6,
    ipRange6: ranges.ipv6,
  };
}

/** Empty where there is none. As docker's, one flag may have several with commas. */
function onePerFamily(flag: string, values: readonly string[]): { readonly ipv4: string; readonly ipv6: string } {
  const all = values.flatMap((value) => value.split(','));
  const isSix = (value: string) => isIPv6(value.split('/')[0] ?? '');
  if (all.includes('')) throw new K3cError(Code.INVALID_ARGUMENT, `--${flag} is empty`, { reason: 'bad-input' });
  const [ipv4 = '', secondFour] = all.filter((value) => !isSix(value));
  const [ipv6 = '', secondSix] = all.filter(isSix);
  const second = secondFour ?? secondSix;
  if (second === undefined) return { ipv4, ipv6 };
  throw new K3cError(
    Code.INVALID_ARGUMENT,
    `--${flag} ${second} is one too many: a network has one of IPv4 and, with --ipv6, one of IPv6`,
    { reason: 'bad-input' },
  );
}
