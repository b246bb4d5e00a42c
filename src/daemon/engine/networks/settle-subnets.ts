/** The subnets of a new network: those that a user chose, or free ones. */
import { Code, K3cError } from '../../../api/errors.ts';
import { formatIpv4Network, parseIpv4Network } from '../../../host/netlink/ipv4.ts';
import { formatIpv6Network, parseIpv6Network } from '../../../host/netlink/ipv6.ts';
import type { NetworkConfig } from '../../state/networks.ts';
import type { HostNetwork } from '../network/host-network.ts';
import { checkIpv6Subnet, checkSubnet, type NewNetwork } from './check-network.ts';

export type SubnetHost = Pick<HostNetwork, 'chooseSubnet' | 'collision' | 'chooseIpv6Subnet' | 'ipv6Collision'>;

type Settled = Pick<NetworkConfig, 'subnet' | 'gateway' | 'ipRange' | 'configured'>;

/** Throws INVALID_ARGUMENT for what cannot be, FAILED_PRECONDITION for what is not free. */
export function settleIpv4(host: SubnetHost, wanted: NewNetwork): Settled {
  if (wanted.subnet === '') {
    needsNoSubnet(wanted.gateway, wanted.ipRange);
    const { network, gateway } = host.chooseSubnet();
    return { subnet: formatIpv4Network(network), gateway, ipRange: '', configured: false };
  }
  const checked = checkSubnet(wanted);
  const network = parseIpv4Network(checked.subnet);
  if (network !== undefined) refuseCollision(checked.subnet, host.collision(network));
  return { ...checked, configured: true };
}

/** The same of IPv6; undefined for a network without. */
export function settleIpv6(host: SubnetHost, wanted: NewNetwork): Settled | undefined {
  const { ipv6, subnet6, gateway6, ipRange6 } = wanted;
  if (!ipv6) {
    const asked = [subnet6, gateway6, ipRange6].find((text) => text !== '');
    if (asked === undefined) return undefined;
    throw new K3cError(Code.INVALID_ARGUMENT, `${asked} is of IPv6, which the network does not have`, {
      reason: 'bad-input',
      hint: 'turn it on with --ipv6',
    });
  }
  if (subnet6 === '') {
    needsNoSubnet(gateway6, ipRange6);
    const { network, gateway } = host.chooseIpv6Subnet();
    return { subnet: formatIpv6Network(network), gateway, ipRange: '', configured: false };
  }
  const checked = checkIpv6Subnet(wanted);
  const network = parseIpv6Network(checked.subnet);
  if (network !== undefined) refuseCollision(checked.subnet, host.ipv6Collision(network));
  return { ...checked, configured: true };
}

function needsNoSubnet(gateway: string, ipRange: string): void {
  if (gateway === '' && ipRange === '') return;
  throw new K3cError(
    Code.INVALID_ARGUMENT,
    `no matching subnet for ${gateway === '' ? `range ${ipRange}` : `gateway ${gateway}`}`,
    { reason: 'bad-input', hint: 'name the subnet with --subnet' },
  );
}

function refuseCollision(subnet: string, use: string | undefined): void {
  if (use === undefined) return;
  throw new K3cError(
    Code.FAILED_PRECONDITION,
    `Pool overlaps with other one on this address space: ${subnet} collides with ${use}`,
    { hint: 'choose another --subnet, or leave it out to get a free one' },
  );
}
