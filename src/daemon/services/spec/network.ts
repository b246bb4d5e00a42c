/** How a container is known on its network, and whom it asks for names. */
import type { NetworkOptions } from '../../../api/gen/k3c.ts';
import type { NetworkSpec } from '../../engine/containers/types.ts';

/** An absent message is one that asks for nothing. */
export function toNetwork(message: NetworkOptions | undefined): NetworkSpec {
  return {
    dns: message?.dns ?? [],
    dnsSearch: message?.dnsSearch ?? [],
    dnsOptions: message?.dnsOptions ?? [],
    extraHosts: message?.extraHosts ?? [],
    macAddress: message?.macAddress ?? '',
    ip: message?.ip ?? '',
    ip6: message?.ip6 ?? '',
    aliases: message?.aliases ?? [],
    publishAll: message?.publishAll ?? false,
    exposedPorts: message?.exposedPorts ?? [],
    domainname: message?.domainname ?? '',
    moreNetworks: message?.moreNetworks ?? [],
  };
}
