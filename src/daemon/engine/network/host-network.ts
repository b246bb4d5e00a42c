import type { Log } from '../../../host/log.ts';
import type { Ipv4Network } from '../../../host/netlink/ipv4.ts';
import type { Ipv6Network } from '../../../host/netlink/ipv6.ts';
import type { NetlinkSockets } from '../../../host/netlink/socket.ts';
import type { NetworkMembers } from './members.ts';
import type { NamedNetworks } from './named-networks.ts';
import type { NetworkDefinition } from './network-definition.ts';
import type { Subnet } from './subnet.ts';
import type { Ipv6Subnet } from './subnet-ipv6.ts';

/** A port that a container wants published. */
export interface PortRequest {
  /** An address of this host; '' for all of them, IPv4 and IPv6. */
  readonly hostIp: string;
  /** 0 picks a free one. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
  /** Above hostPort: any free port from there to here, the lowest first. */
  readonly hostPortEnd?: number | undefined;
}

/** A port that is reserved for a container: `hostPort` is decided. */
export interface PortMapping extends PortRequest {
  /** Of one on all addresses: this host had none of IPv6 when it was reserved. */
  readonly ipv4Only?: boolean | undefined;
}

/** A running container as reconcile() needs it. */
export interface PublishedContainer {
  readonly owner: string;
  /** As errors call the holder of a port: `container web`, `pod duo`. */
  readonly ownerName: string;
  readonly podIp: string;
  /** Absent or empty: it has none. */
  readonly podIp6?: string | undefined;
  readonly ports: readonly PortMapping[];
}

/** The default bridge network of one daemon, and the ports that its containers publish on this host. */
export interface HostNetwork {
  /** Known once start() is done; throws before. `cidr` is the network, such as 10.91.0.0/16. */
  readonly bridge: {
    /** As a network: `defaultNetworkId()`. */
    readonly id: string;
    readonly name: string;
    readonly cidr: string;
    readonly gateway: string;
    readonly mtu: number;
  };
  /** Who is on which network: the default one from start() on. Containers join and leave it by whoever starts and ends them. */
  readonly members: NetworkMembers;
  /** The other networks, and what is plugged into them. Add and remove them by addNetwork() and removeNetwork(). */
  readonly named: NamedNetworks;
  /** A subnet that nothing on this host uses. Throws FAILED_PRECONDITION where there is none. */
  chooseSubnet(): Subnet;
  /** The same of IPv6. */
  chooseIpv6Subnet(): Ipv6Subnet;
  /** What on this host uses a part of a subnet: "the route to 10.0.0.0/8 over tun0". */
  collision(network: Ipv4Network): string | undefined;
  ipv6Collision(network: Ipv6Network): string | undefined;
  /** Makes a network's bridge and rules. Those of `HostNetworkOptions.networks` are made by start(). */
  addNetwork(definition: NetworkDefinition): Promise<void>;
  /** Takes bridge and rules away; a network that is not there is fine. Nothing may be plugged in. */
  removeNetwork(id: string): void;
  /** Where names may be answered on a gateway, best first; 0: any port. Known once start() is done. */
  readonly namePorts: readonly number[];
  /**
   * Leads port 53 of a gateway, UDP and TCP, to the port where names are answered, through the firewalls of others too; undefined:
   * they are answered no more. Stays when the daemon stops.
   */
  leadNames(bridge: string, gateway: string, port: number | undefined): void;
  /** Where containerd's CRI finds the CNI configuration. */
  readonly cniConfDir: string;
  /** Where the plugin that the configuration names asks this daemon; containerd's environment has it as K3C_CNI_SOCKET. */
  readonly pluginSocket: string;
  /**
   * Makes the bridge, serves the CNI plugin, writes its configuration and puts the rules in place; call it before containerd starts. Ports
   * that an earlier daemon published stay published until reconcile(), which must follow in any case. Throws
   * FAILED_PRECONDITION when the bridge's network collides with one that the host has.
   */
  start(signal: AbortSignal): Promise<void>;
  /**
   * Takes all of the ports for a container, or none: ALREADY_EXISTS (reason port-in-use) when another container or a
   * process of the host has one. Ports that the same owner holds already stay as they are; one
   * that is asked for twice is there once.
   * @param ownerName as errors call the holder of a port: `container web`, `pod duo`
   */
  reserve(owner: string, ownerName: string, ports: readonly PortRequest[]): Promise<PortMapping[]>;
  /**
   * Leads reserved ports to the pod. Calling it again with another address moves them.
   * @param podIp6 its address of IPv6; empty: what comes by IPv6 goes through a proxy
   */
  publish(owner: string, podIp: string, ports: readonly PortMapping[], podIp6?: string): Promise<void>;
  /** Tells of a container's new name, by which errors call the holder of a port. */
  renamed(owner: string, ownerName: string): void;
  /** Takes back rules, listeners and reservations of a container; one that has none is fine. */
  release(owner: string): Promise<void>;
  /**
   * Makes exactly these containers published, whatever was before, in one atomic change of the rules; reservations that
   * are not published yet, of containers that are being started, stay. From then on rules that something else on the host
   * removes are put back.
   */
  reconcile(live: readonly PublishedContainer[]): Promise<void>;
  /**
   * Frees the addresses that sandboxes which no longer exist had before start(), or before a later time (milliseconds since
   * the epoch), and returns how many. The living ones are all of containerd's, not only k3c's own.
   */
  releaseStaleLeases(liveSandboxIds: ReadonlySet<string>, before?: number): Promise<number>;
  /** Stops watching and listening. Rules stay for running containers, unless everything is to be removed. */
  stop(options: { readonly removeAll: boolean }): Promise<void>;
}

export interface HostNetworkOptions {
  /** The daemon's state directory; the network's own part is `cni` in it. */
  readonly stateDir: string;
  readonly bridgeName?: string;
  /** Network or gateway with a prefix length: 10.60.0.0/16 or 10.60.0.1/16. Without it a free one is chosen. */
  readonly bridgeCidr?: string | undefined;
  /** The named networks of earlier daemons. */
  readonly networks?: (() => readonly NetworkDefinition[]) | undefined;
  readonly sockets: NetlinkSockets;
  readonly log: Log;
  /** How often to look whether the rules and the bridge are still there; default 1000. */
  readonly checkIntervalMs?: number;
}
