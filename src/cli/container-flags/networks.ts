/** Which networks a container or pod is on: every --network, the first with what --ip, --ip6, --mac-address and --network-alias say. */
import type { NetworkOptions } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import type { NetworkWish } from '../flags/networks.ts';
import { type NetworkFlags, toNetwork } from './network.ts';

export interface Networks {
  readonly networkMode: string;
  readonly network: NetworkOptions;
}

/** Throws CliError with docker's sentences for what is said twice. */
export function toNetworks(wishes: readonly NetworkWish[] | undefined, flags: NetworkFlags): Networks {
  const [first, ...more] = wishes ?? [];
  const network = toNetwork(flags);
  if (first === undefined) return { networkMode: 'default', network };
  const twice: readonly (readonly [flag: string, what: string, given: boolean, asked: boolean])[] = [
    ['--network-alias', 'alias', network.aliases.length > 0, first.aliases.length > 0],
    ['--ip', 'IPv4 address', network.ip !== '', first.ip !== ''],
    ['--ip6', 'IPv6 address', network.ip6 !== '', first.ip6 !== ''],
    ['--mac-address', 'MAC address', network.macAddress !== '', first.macAddress !== ''],
  ];
  const conflict = twice.find(([, , given, asked]) => given && asked);
  if (conflict !== undefined)
    throw new CliError(`conflicting options: cannot specify both ${conflict[0]} and per-network ${conflict[1]}`);
  return {
    networkMode: first.network === 'bridge' ? 'default' : first.network,
    network: {
      ...network,
      ip: network.ip || first.ip,
      ip6: network.ip6 || first.ip6,
      macAddress: network.macAddress || first.macAddress,
      aliases: [...network.aliases, ...first.aliases],
      moreNetworks: more.map((wish) => ({ ...wish, aliases: [...wish.aliases] })),
    },
  };
}
