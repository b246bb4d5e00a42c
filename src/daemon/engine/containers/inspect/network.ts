/** `NetworkSettings` of docker's inspect document (moby, api/types/container, NetworkSettings). */
import type { ContainerRecord } from '../../../state/containers.ts';
import { networkName } from '../filters.ts';
import { visibleState } from '../summary.ts';
import { portMap } from './ports.ts';

/** What only the running pod knows. Empty strings where there is nothing to know. */
export interface PodNetwork {
  /** Path of its network namespace; empty for a pod on the node's network. */
  readonly netns: string;
  /** Of its interface. */
  readonly mac: string;
}

export interface NetworkInput {
  readonly record: ContainerRecord;
  readonly bridge: { readonly cidr: string; readonly gateway: string } | undefined;
  readonly pod: PodNetwork;
}

export function networkSettings({ record, bridge, pod }: NetworkInput): Record<string, unknown> {
  const running = ['running', 'paused'].includes(visibleState(record));
  const bridged = running && record.spec.networkMode === 'default' && record.ip !== '';
  const own = {
    EndpointID: bridged ? record.sandboxId : '',
    Gateway: bridged ? (bridge?.gateway ?? '') : '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: bridged ? record.ip : '',
    IPPrefixLen: bridged ? Number(bridge?.cidr.split('/')[1] ?? 0) : 0,
    IPv6Gateway: '',
    MacAddress: bridged ? pod.mac : '',
  };
  return {
    Bridge: '',
    SandboxID: record.sandboxId,
    SandboxKey: pod.netns,
    Ports: running ? portsOf(record) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...own,
    Networks: {
      [networkName(record)]: {
        IPAMConfig: record.spec.network.ip === '' ? null : { IPv4Address: record.spec.network.ip },
        Links: null,
        Aliases: record.spec.network.aliases.length > 0 ? record.spec.network.aliases : null,
        DriverOpts: null,
        GwPriority: 0,
        NetworkID: networkName(record),
        DNSNames: null,
        ...own,
      },
    },
  };
}

/** What is published and, with null, what is exposed only. */
function portsOf(record: ContainerRecord): Record<string, unknown> {
  return {
    ...Object.fromEntries(record.config.exposedPorts.map((port) => [port, null])),
    ...portMap(record.ports, ({ hostIp, hostPort }) => ({
      HostIp: hostIp === '' ? '0.0.0.0' : hostIp,
      HostPort: String(hostPort),
    })),
  };
}
