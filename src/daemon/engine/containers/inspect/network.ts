/** `NetworkSettings` of docker's inspect document (moby, api/types/container, NetworkSettings). */
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EndpointSpec } from '../../../state/spec.ts';
import { defaultNetworkId, predefinedNetworks } from '../../network/predefined.ts';
import { isOnDefault, networkNames } from '../network-mode.ts';
import { toldExposed, toldPorts } from '../ports.ts';
import { visibleState } from '../summary.ts';
import { byName, portMap } from './ports.ts';

/** What only the running pod knows. Empty strings where there is nothing to know. */
export interface PodNetwork {
  /** Path of its network namespace; empty for a pod on the node's network. */
  readonly netns: string;
  /** Of its interface. */
  readonly mac: string;
}

interface Place {
  readonly cidr: string;
  readonly gateway: string;
}

interface NetworkPlace extends Place {
  readonly ipv6?: Place | undefined;
}

export interface NetworkInput {
  readonly record: ContainerRecord;
  readonly bridge: Place | undefined;
  readonly pod: PodNetwork;
  /** Networks that users made, by id. */
  readonly networks: (id: string) => NetworkPlace | undefined;
}

export function networkSettings(input: NetworkInput): Record<string, unknown> {
  const { record, bridge, pod } = input;
  const running = ['running', 'paused'].includes(visibleState(record));
  const bridged = running && isOnDefault(record) && record.ip !== '';
  const plugged = record.endpoints.find(({ network }) => network === defaultNetworkId());
  const own = plugged
    ? addressesOf(input, plugged, running)
    : {
        EndpointID: bridged ? record.sandboxId : '',
        Gateway: bridged ? (bridge?.gateway ?? '') : '',
        GlobalIPv6Address: '',
        GlobalIPv6PrefixLen: 0,
        IPAddress: bridged ? record.ip : '',
        IPPrefixLen: bridged ? prefixOf(bridge) : 0,
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
        .map(({ id, name }) => [name, { ...settings([], undefined), NetworkID: id, ...own }]),
      ...record.endpoints.map((endpoint) => [endpoint.networkName, namedSettings(input, endpoint, running)]),
    ]),
  };
}

function namedSettings(input: NetworkInput, endpoint: EndpointSpec, running: boolean): Record<string, unknown> {
  const { record } = input;
  // docker adds the short id to the names that were asked for.
  const aliases = endpoint.network === defaultNetworkId() ? [] : [...endpoint.aliases, record.id.slice(0, 12)];
  return {
    ...settings(aliases, endpoint),
    NetworkID: endpoint.network,
    ...addressesOf(input, endpoint, running),
  };
}

function addressesOf(
  { record, networks }: NetworkInput,
  endpoint: EndpointSpec,
  running: boolean,
): Record<string, unknown> {
  const place = networks(endpoint.network);
  const six = running && (endpoint.ip6 ?? '') !== '';
  return {
    EndpointID: running ? record.id : '',
    Gateway: running ? (place?.gateway ?? '') : '',
    GlobalIPv6Address: six ? endpoint.ip6 : '',
    GlobalIPv6PrefixLen: six ? prefixOf(place?.ipv6) : 0,
    IPAddress: running ? endpoint.ip : '',
    IPPrefixLen: running ? prefixOf(place) : 0,
    IPv6Gateway: six ? (place?.ipv6?.gateway ?? '') : '',
    MacAddress: running ? endpoint.mac : '',
  };
}

function prefixOf(place: Place | undefined): number {
  return Number(place?.cidr.split('/')[1] ?? 0);
}

function settings(
  aliases: readonly string[],
  asked: Pick<EndpointSpec, 'askedIp' | 'askedIp6'> | undefined,
): Record<string, unknown> {
  const { askedIp = '', askedIp6 = '' } = asked ?? {};
  const addresses = {
    ...(askedIp === '' ? {} : { IPv4Address: askedIp }),
    ...(askedIp6 === '' ? {} : { IPv6Address: askedIp6 }),
  };
  return {
    IPAMConfig: Object.keys(addresses).length === 0 ? null : addresses,
    Links: null,
    Aliases: aliases.length > 0 ? aliases : null,
    DriverOpts: null,
    GwPriority: 0,
    DNSNames: null,
  };
}

/** What is published and, with null, what is exposed only. */
function portsOf(record: ContainerRecord): Record<string, unknown> {
  return byName({
    ...Object.fromEntries(toldExposed(record).map((port) => [port, null])),
    ...portMap(toldPorts(record), ({ hostIp, hostPort }) => ({ HostIp: hostIp, HostPort: String(hostPort) })),
  });
}
