import { BridgeNetwork } from './bridge-network.ts';
import type { HostNetwork, HostNetworkOptions } from './host-network.ts';

export type { HostNetwork, HostNetworkOptions, PortMapping, PortRequest, PublishedContainer } from './host-network.ts';

/** The host network of a daemon. Throws INVALID_ARGUMENT for a bridge name that the kernel would not take. */
export function createHostNetwork(options: HostNetworkOptions): HostNetwork {
  return new BridgeNetwork(options);
}
