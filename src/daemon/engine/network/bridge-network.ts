import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { formatIpv4Network, type Ipv4Network, ipv4Overlap } from '../../../host/netlink/ipv4.ts';
import { type Ipv6Network, ipv6Overlap } from '../../../host/netlink/ipv6.ts';
import { deleteLink, findLink } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { type Bridge, ensureBridge, usedNetworks } from './bridge.ts';
import type { HostNetwork, HostNetworkOptions, PortMapping, PortRequest, PublishedContainer } from './host-network.ts';
import { NetworkMembers } from './members.ts';
import { NameServers } from './name-servers.ts';
import { NamedNetworks } from './named-networks.ts';
import type { NetworkDefinition } from './network-definition.ts';
import { NetworkWatch } from './network-watch.ts';
import { overlaps } from './overlaps.ts';
import { PacketRules } from './packet-rules.ts';
import { PodNetwork } from './pod-network.ts';
import { addressesOf, PortPublishing } from './port-publishing.ts';
import { defaultNetworkId } from './predefined.ts';
import { chooseNamedSubnet, type Subnet } from './subnet.ts';
import { chooseIpv6Subnet, type Ipv6Subnet, usedIpv6Networks } from './subnet-ipv6.ts';
import { enableSysctl } from './sysctl.ts';

const defaultBridgeName = 'k3c0';

/** The networks of a daemon over netlink: the default one, those that users made, and what is published of both. */
export class BridgeNetwork implements HostNetwork {
  readonly members = new NetworkMembers();
  readonly named: NamedNetworks;
  readonly #pods: PodNetwork;
  readonly #options: HostNetworkOptions;
  readonly #name: string;
  readonly #ports: PortPublishing;
  readonly #names = new NameServers();
  readonly #rules: PacketRules;
  readonly #watch: NetworkWatch;
  #bridge: Bridge | undefined;

  constructor(options: HostNetworkOptions) {
    this.#options = options;
    this.#name = options.bridgeName ?? defaultBridgeName;
    // IFNAMSIZ, and what nft takes as a part of a table's name.
    if (!/^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$/.test(this.#name)) {
      throw new K3cError(Code.INVALID_ARGUMENT, `bridge-name ${this.#name} is not a name for a bridge`, {
        reason: 'bad-input',
        hint: 'use up to 15 letters, digits, dots, dashes and underscores, and begin with a letter',
      });
    }
    this.#rules = new PacketRules({
      netfilter: options.sockets.netfilter,
      bridge: this.#name,
      wanted: () => {
        const ports = this.#ports.published();
        return {
          bridges: [this.#started(), ...this.named.bridges()],
          ports: [...ports, ...this.#names.published(ports)],
          names: this.#names.passages(),
        };
      },
      log: options.log,
    });
    this.#ports = new PortPublishing({ route: () => this.#route(), rules: this.#rules, log: options.log });
    this.#pods = new PodNetwork({ ...options, route: () => this.#route(), bridge: () => this.#started() });
    const place = { id: defaultNetworkId(), bridge: () => this.#started(), addresses: this.#pods.addresses };
    this.named = new NamedNetworks(join(options.stateDir, 'netns'), () => this.#route(), this.members, place);
    this.#watch = new NetworkWatch({
      route: () => this.#route(),
      bridge: () => this.#started(),
      setBridge: (bridge) => {
        this.#bridge = bridge;
      },
      named: this.named,
      raise: (definition) => this.addNetwork(definition),
      rules: this.#rules,
      log: options.log,
      intervalMs: options.checkIntervalMs,
    });
  }

  get cniConfDir(): string {
    return this.#pods.confDir;
  }

  get pluginSocket(): string {
    return this.#pods.pluginSocket;
  }

  get bridge(): HostNetwork['bridge'] {
    const { name, subnet, mtu } = this.#started();
    return { id: defaultNetworkId(), name, cidr: formatIpv4Network(subnet.network), gateway: subnet.gateway, mtu };
  }

  #started(): Bridge {
    if (this.#bridge === undefined)
      throw new K3cError(Code.INTERNAL, 'the host network was used before it was started');
    return this.#bridge;
  }

  #route(): NetlinkSocket {
    const { route } = this.#options.sockets;
    if (route === undefined) {
      throw new K3cError(Code.FAILED_PRECONDITION, 'the daemon has no netlink sockets', {
        hint: 'start it as root through the k3c binary; from source, through vendor-bin/bin/test/nlx',
      });
    }
    return route;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    signal.throwIfAborted();
    // The named ones first: their networks are settled, the default one's may be chosen.
    const named = this.#options.networks?.() ?? [];
    for (const definition of named) this.#addAtStart(definition);
    this.#bridge = ensureBridge(this.#route(), this.#name, this.#options.bridgeCidr);
    await this.#pods.open();
    if (!(await enableSysctl('net/ipv4/ip_forward'))) {
      log.warn({ bridge: this.#name }, 'cannot turn on net.ipv4.ip_forward: containers reach nothing beyond this host');
    }
    this.#rules.open();
    this.#rules.forwardIpv6();
    await this.#rules.allowLoopback();
    for (const { name } of this.named.bridges()) await this.#rules.openNamed(name);
    this.#lowerIpv6(named);
    await this.#rules.checkLegacy();
    for (const { use, ...where } of overlaps(this.#route(), [this.#bridge, ...this.named.bridges()]))
      log.warn(where, `containers are on a network that overlaps ${use}: the two may not reach one another`);
    const { id, name, cidr, gateway } = this.bridge;
    this.members.addNetwork({ id, name: 'bridge', bridge: name, cidr, gateway, internal: false });
    log.info(this.bridge, 'bridge network is ready');
  }

  /** A daemon comes up without a network whose addresses something else on the host has taken meanwhile. */
  #addAtStart(definition: NetworkDefinition): void {
    try {
      this.named.add(definition);
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err);
      this.#down(definition, why);
    }
  }

  /** What no rules keep apart from the others is better not there. */
  #lowerIpv6(named: readonly NetworkDefinition[]): void {
    const why = this.#rules.ipv6Lacks;
    if (why === undefined) return;
    for (const definition of named.filter(({ ipv6 }) => ipv6 !== undefined)) this.#down(definition, why);
  }

  #down(definition: NetworkDefinition, why: string): void {
    this.named.takeDown(definition, why);
    const words = 'cannot bring up a network: no container starts on it until that is possible';
    this.#options.log.error({ network: definition.name, why }, words);
  }

  chooseSubnet(): Subnet {
    return chooseNamedSubnet(usedNetworks(this.#route(), undefined));
  }

  collision(network: Ipv4Network): string | undefined {
    return usedNetworks(this.#route(), undefined).find((used) => ipv4Overlap(used.network, network))?.use;
  }

  chooseIpv6Subnet(): Ipv6Subnet {
    return chooseIpv6Subnet(usedIpv6Networks(this.#route()));
  }

  ipv6Collision(network: Ipv6Network): string | undefined {
    return usedIpv6Networks(this.#route()).find((used) => ipv6Overlap(used.network, network))?.use;
  }

  async addNetwork(definition: NetworkDefinition): Promise<void> {
    const lacks = definition.ipv6 === undefined ? undefined : this.#rules.ipv6Lacks;
    if (lacks !== undefined)
      throw new K3cError(Code.FAILED_PRECONDITION, lacks, {
        hint: 'leave --ipv6 away: nothing would keep the network apart from others, nor translate its addresses',
      });
    const { name } = this.named.add(definition);
    try {
      this.#rules.change((firewall) => firewall.apply());
      // Behind the rules that say what may pass, and that guard the host's loopback.
      this.#rules.forwardIpv6();
      await this.#rules.openNamed(name);
      this.#rules.changed();
      await this.#rules.checkLegacy();
    } catch (error) {
      this.named.remove(definition.id);
      throw error;
    }
  }

  removeNetwork(id: string): void {
    const bridge = this.named.remove(id);
    if (bridge === undefined) return;
    // Whoever answers names there hears of it later; the rules must not lead there once more.
    this.#names.set(bridge.name, bridge.subnet.gateway, undefined);
    this.#rules.change((firewall) => firewall.withdraw(bridge.name));
    this.#rules.changed();
  }

  async reserve(owner: string, ownerName: string, ports: readonly PortRequest[]): Promise<PortMapping[]> {
    return await this.#ports.reserve(owner, ownerName, ports);
  }

  async publish(owner: string, podIp: string, ports: readonly PortMapping[], podIp6 = ''): Promise<void> {
    if (ports.length === 0) return;
    this.#ports.publish(owner, addressesOf(podIp, podIp6), ports);
  }

  get namePorts(): readonly number[] {
    return NameServers.candidates(this.#rules.isOpen);
  }

  leadNames(bridge: string, gateway: string, port: number | undefined): void {
    const isThere = [this.#started(), ...this.named.bridges()].some(({ name }) => name === bridge);
    const ports = this.#names.set(bridge, gateway, isThere ? port : undefined);
    this.#rules.changed();
    this.#rules.change((firewall) => {
      if (port === undefined || !isThere) firewall.remove(ports);
      else firewall.move(ports);
      firewall.admit();
    });
  }

  renamed(owner: string, ownerName: string): void {
    this.#ports.renamed(owner, ownerName);
  }

  async release(owner: string): Promise<void> {
    this.#ports.release(owner);
  }

  async reconcile(live: readonly PublishedContainer[]): Promise<void> {
    await this.#ports.reconcile(live);
    this.#watch.start();
  }

  async releaseStaleLeases(liveSandboxIds: ReadonlySet<string>, before?: number): Promise<number> {
    return this.#pods.freeStale(liveSandboxIds, before);
  }

  async stop({ removeAll }: { readonly removeAll: boolean }): Promise<void> {
    this.#watch.stop();
    this.#ports.close();
    await this.#pods.close();
    if (!removeAll || this.#bridge === undefined) return;
    await this.#rules.dispose();
    for (const { name } of [this.#bridge, ...this.named.bridges()]) {
      const link = findLink(this.#route(), name);
      if (link !== undefined) this.#route().exchange(deleteLink(link.index));
    }
    await this.#pods.remove();
  }
}
