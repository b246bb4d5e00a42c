/** `NetworkSettings` of docker's inspect document (moby, api/types/container, NetworkSettings). */
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EndpointSpec } from '../../../state/spec.ts';
import { predefinedNetworks } from '../../network/predefined.ts';
import { isOnDefault, networkNames } from '../network-mode.ts';
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
  /** Networks that users made, by id. */
  readonly networks: (id: string) => { readonly cidr: string; readonly gateway: string } | undefined;
}

export function networkSettings(input: NetworkInput): Record<string, unknown> {
  const { record, bridge, pod } = input;
  const running = ['running', 'paused'].includes(visibleState(record));
  const bridged = running && isOnDefault(record) && record.ip !== '';
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
    Networks: Object.fromEntries([
      ...predefinedNetworks()
        .filter(({ name }) => networkNames(record).includes(name))
        .map(({ id, name }) => [name, { ...settings([], ''), NetworkID: id, ...own }]),
      ...record.endpoints.map((endpoint) => [endpoint.networkName, namedSettings(input, endpoint, running)]),
    ]),
  };
}

function namedSettings(
  { record, networks }: NetworkInput,
  endpoint: EndpointSpec,
  running: boolean,
): Record<string, unknown> {
  const place = networks(endpoint.network);
  // docker adds the short id to the names that were asked for.
  const aliases = [...endpoint.aliases, record.id.slice(0, 12)];
  return {
    ...settings(aliases, endpoint.askedIp),
    NetworkID: endpoint.network,
    EndpointID: running ? record.id : '',
    Gateway: running ? (place?.gateway ?? '') : '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: running ? endpoint.ip : '',
    IPPrefixLen: running ? Number(place?.cidr.split('/')[1] ?? 0) : 0,
    IPv6Gateway: '',
    MacAddress: running ? endpoint.mac : '',
  };
}

function settings(aliases: readonly string[], ip: string): Record<string, unknown> {
  return {
    IPAMConfig: ip === '' ? null : { IPv4Address: ip },
    Links: null,
    Aliases: aliases.length > 0 ? aliases : null,
    DriverOpts: null,
    GwPriority: 0,
    DNSNames: null,
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
