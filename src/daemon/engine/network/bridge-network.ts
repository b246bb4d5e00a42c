import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { IpFamily } from '../../../host/netlink/address.ts';
import { NetlinkError } from '../../../host/netlink/error.ts';
import { formatIpv4Network, type Ipv4Network, ipv4Overlap } from '../../../host/netlink/ipv4.ts';
import { type Ipv6Network, ipv6Overlap } from '../../../host/netlink/ipv6.ts';
import { deleteLink, findLink, listAddresses } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { type Bridge, ensureBridge, usedNetworks } from './bridge.ts';
import { forwardIpv6 } from './bridge-ipv6.ts';
import { leasesIn, releaseStaleLeases, removeCniConfiguration, writeCniConfiguration } from './cni.ts';
import { Firewall } from './firewall.ts';
import type { HostNetwork, HostNetworkOptions, PortMapping, PortRequest, PublishedContainer } from './host-network.ts';
import { LeasedAddresses } from './leased-addresses.ts';
import { LegacyIptables } from './legacy-iptables.ts';
import { NetworkMembers } from './members.ts';
import { NameServers } from './name-servers.ts';
import { NamedNetworks, type NetworkDefinition } from './named-networks.ts';
import { overlaps } from './overlaps.ts';
import { openBridge, shutBridge } from './passage.ts';
import { defaultNetworkId } from './predefined.ts';
import { PublishedPorts } from './published-ports.ts';
import type { RulesetInput } from './ruleset.ts';
import { chooseNamedSubnet, type Subnet } from './subnet.ts';
import { chooseIpv6Subnet, type Ipv6Subnet, usedIpv6Networks } from './subnet-ipv6.ts';
import { enableSysctl } from './sysctl.ts';
import { type FlowsLeftBehind, flowsPast, flowsTo, forgetLeft } from './udp-flows.ts';

const defaultBridgeName = 'k3c0';
const defaultCheckIntervalMs = 1000;
const GONE = 'which something on this host had removed; running containers need a restart to get their network back';

/** The default bridge network over netlink. One bridge now; the ruleset takes several, for named networks. */
export class BridgeNetwork implements HostNetwork {
  readonly cniConfDir: string;
  readonly members = new NetworkMembers();
  readonly named: NamedNetworks;
  readonly #leaseDir: string;
  readonly #leases: LeasedAddresses;
  readonly #options: HostNetworkOptions;
  readonly #name: string;
  readonly #ports: PublishedPorts;
  readonly #names = new NameServers();
  readonly #legacy: LegacyIptables;
  #startedAt = 0;
  #bridge: Bridge | undefined;
  #loopback = true;
  /** Undefined where the kernel has no nf_tables: the listeners carry all traffic then. */
  #firewall: Firewall | undefined;
  #timer: NodeJS.Timeout | undefined;

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
    this.cniConfDir = options.cniConfDir ?? join(options.stateDir, 'cni', 'net.d');
    this.#leaseDir = join(options.stateDir, 'cni', 'leases');
    this.#ports = new PublishedPorts(options.log);
    this.#legacy = new LegacyIptables({
      owner: this.#name,
      log: options.log,
      wanted: () => ({
        bridges: [this.#name, ...this.named.bridges().map(({ name }) => name)],
        names: this.#names.passages(),
      }),
    });
    this.#leases = new LeasedAddresses(leasesIn(this.#leaseDir), () => this.#started().subnet);
    const place = { id: defaultNetworkId(), bridge: () => this.#started(), addresses: this.#leases };
    this.named = new NamedNetworks(join(options.stateDir, 'netns'), () => this.#route(), this.members, place);
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

  #wanted(): RulesetInput {
    const ports = this.#ports.published();
    return {
      bridges: [this.#started(), ...this.named.bridges()],
      ports: [...ports, ...this.#names.published(ports)],
      loopback: this.#loopback,
      names: this.#names.passages(),
    };
  }

  async start(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    signal.throwIfAborted();
    this.#startedAt = Date.now();
    // The named ones first: their networks are settled, the default one's may be chosen.
    const named = this.#options.networks?.() ?? [];
    for (const definition of named) this.#addAtStart(definition);
    this.#bridge = ensureBridge(this.#route(), this.#name, this.#options.bridgeCidr);
    await writeCniConfiguration(this.cniConfDir, this.#leaseDir, this.#bridge, signal);
    if (!(await enableSysctl('net/ipv4/ip_forward'))) {
      log.warn({ bridge: this.#name }, 'cannot turn on net.ipv4.ip_forward: containers reach nothing beyond this host');
    }
    this.#firewall = this.#openFirewall();
    this.#forwardIpv6();
    await this.#allowLoopback();
    for (const { name } of this.named.bridges()) await this.#routeLocal(name);
    await this.#legacy.check();
    for (const { use, ...where } of overlaps(this.#route(), [this.#bridge, ...this.named.bridges()]))
      log.warn(where, `containers are on a network that overlaps ${use}: the two may not reach one another`);
    const { id, name, cidr, gateway } = this.bridge;
    this.members.addNetwork({ id, name: 'bridge', bridge: name, cidr, gateway, internal: false });
    log.info(this.bridge, 'bridge network is ready');
  }

  /** Puts the rules in place, or finds that this kernel takes none. A table from before stays until reconcile(). */
  #openFirewall(): Firewall | undefined {
    const { sockets, log } = this.#options;
    let reason: unknown = 'no netfilter socket';
    if (sockets.netfilter !== undefined) {
      const firewall = new Firewall(sockets.netfilter, this.#name, () => this.#wanted());
      try {
        if (firewall.hasRules()) firewall.admit();
        else firewall.apply();
        return firewall;
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        reason = error.message;
      }
    }
    log.warn(
      {
        reason,
        hint: 'use a kernel with nf_tables; where it is a module: modprobe nf_tables, then start the daemon again',
      },
      'no nf_tables here: published ports go through a proxy, whose address containers see, and nothing masquerades: containers ' +
        'reach nothing beyond this host',
    );
    return undefined;
  }

  /** Only where a network needs it: this is a setting of the whole host. */
  #forwardIpv6(): void {
    if (
      this.#firewall === undefined ||
      !this.named.bridges().some(({ ipv6, internal }) => ipv6 !== undefined && internal !== true)
    )
      return;
    try {
      forwardIpv6();
    } catch (err) {
      this.#options.log.warn(
        { err },
        'cannot turn on net.ipv6.conf.all.forwarding: containers reach nothing beyond this host by IPv6',
      );
    }
  }

  /** 127.0.0.1 may lead into the bridge only behind the rule that keeps containers away from the host's loopback. */
  async #allowLoopback(): Promise<void> {
    if (this.#firewall === undefined) return;
    const allowed = await this.#routeLocal(this.#name);
    if (allowed === this.#loopback) return;
    this.#loopback = allowed;
    this.#firewall.apply();
  }

  /** Lets packets pass a bridge, from 127.0.0.1 too; without rules it is shut. Returns whether those from 127.0.0.1 may pass. */
  async #routeLocal(bridge: string): Promise<boolean> {
    if (this.#firewall !== undefined) return openBridge(bridge);
    await shutBridge(bridge);
    return false;
  }

  /** A daemon comes up without a network whose addresses something else on the host has taken meanwhile. */
  #addAtStart(definition: NetworkDefinition): void {
    try {
      this.named.add(definition);
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err);
      this.named.setDown(definition, why);
      const words = 'cannot bring up a network: no container starts on it until that is possible';
      this.#options.log.error({ network: definition.name, why }, words);
    }
  }

  /** Tries to bring up what could not be at start. */
  async #raise(definition: NetworkDefinition): Promise<void> {
    try {
      await this.addNetwork(definition);
      this.#options.log.info({ network: definition.name }, 'the network is up');
    } catch (error) {
      if (!(error instanceof K3cError)) throw error;
      this.named.setDown(definition, error.message);
    }
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
    if (definition.ipv6 !== undefined && this.#firewall === undefined)
      throw new K3cError(Code.FAILED_PRECONDITION, 'networks of IPv6 need nf_tables, which this kernel does not have', {
        hint: 'leave --ipv6 away: nothing would keep the network apart from others, nor translate its addresses',
      });
    const { name } = this.named.add(definition);
    try {
      this.#changeRules((firewall) => firewall.apply());
      // Behind the rules that say what may pass.
      this.#forwardIpv6();
    } catch (error) {
      this.named.remove(definition.id);
      throw error;
    }
    // Behind the rules that guard the host's loopback.
    await this.#routeLocal(name);
    this.#legacy.changed();
    await this.#legacy.check();
  }

  removeNetwork(id: string): void {
    const bridge = this.named.remove(id);
    if (bridge === undefined) return;
    // Whoever answers names there hears of it later; the rules must not lead there once more.
    this.#names.set(bridge.name, bridge.subnet.gateway, undefined);
    this.#changeRules((firewall) => firewall.withdraw(bridge.name));
    this.#legacy.changed();
  }

  async reserve(owner: string, ownerName: string, ports: readonly PortRequest[]): Promise<PortMapping[]> {
    return await this.#ports.reserve(owner, ownerName, ports);
  }

  async publish(owner: string, podIp: string, ports: readonly PortMapping[], podIp6 = ''): Promise<void> {
    if (ports.length === 0) return;
    const before = this.#ports.publishedBy(owner);
    if (this.#timer !== undefined) this.#changeRules((firewall) => firewall.check());
    const podIps = addressesOf(podIp, podIp6);
    this.#ports.publish(owner, podIps, ports);
    const added = podIps.flatMap((address) => ports.map((mapping) => ({ ...mapping, podIp: address })));
    this.#changeRules((firewall) => (before.length > 0 ? firewall.apply() : firewall.add(added)));
    this.#forget(flowsPast(added, () => this.#localAddresses()));
  }

  get namePorts(): readonly number[] {
    return NameServers.candidates(this.#firewall !== undefined);
  }

  leadNames(bridge: string, gateway: string, port: number | undefined): void {
    const isThere = [this.#started(), ...this.named.bridges()].some(({ name }) => name === bridge);
    const ports = this.#names.set(bridge, gateway, isThere ? port : undefined);
    this.#legacy.changed();
    this.#changeRules((firewall) => {
      if (port === undefined || !isThere) firewall.remove(ports);
      else firewall.move(ports);
      firewall.admit();
    });
  }

  renamed(owner: string, ownerName: string): void {
    this.#ports.renamed(owner, ownerName);
  }

  async release(owner: string): Promise<void> {
    const removed = this.#ports.publishedBy(owner);
    this.#ports.release(owner);
    if (removed.length === 0) return;
    this.#changeRules((firewall) => firewall.remove(removed));
    this.#forget(flowsTo(removed));
  }

  async reconcile(live: readonly PublishedContainer[]): Promise<void> {
    const owners = new Set(live.map(({ owner }) => owner));
    // What this daemon knows before the first time can only be containers that are just being started.
    const left = this.#timer === undefined ? [] : this.#ports.publishedOwners();
    for (const owner of left) if (!owners.has(owner)) this.#ports.release(owner);
    for (const { owner, ownerName, podIp, podIp6 = '', ports } of live) {
      const adopted = await this.#ports.adopt(owner, ownerName, ports);
      this.#ports.publish(owner, addressesOf(podIp, podIp6), adopted);
    }
    this.#changeRules((firewall) => firewall.apply());
    this.#forget(flowsPast(this.#ports.published(), () => this.#localAddresses()));
    this.#watch();
  }

  /** Only from reconcile() on: until then the table rightly holds more than this daemon knows of. */
  #watch(): void {
    this.#timer ??= setInterval(() => void this.#check(), this.#options.checkIntervalMs ?? defaultCheckIntervalMs);
    this.#timer.unref();
  }

  async releaseStaleLeases(liveSandboxIds: ReadonlySet<string>, before = this.#startedAt): Promise<number> {
    return await releaseStaleLeases(this.#leaseDir, new Set([...liveSandboxIds, ...this.#leases.owners()]), before);
  }

  async stop({ removeAll }: { readonly removeAll: boolean }): Promise<void> {
    clearInterval(this.#timer);
    this.#ports.close();
    if (!removeAll || this.#bridge === undefined) return;
    this.#firewall?.dispose();
    await this.#legacy.dispose();
    for (const { name } of [this.#bridge, ...this.named.bridges()]) {
      const link = findLink(this.#route(), name);
      if (link !== undefined) this.#route().exchange(deleteLink(link.index));
    }
    await removeCniConfiguration(this.cniConfDir, this.#leaseDir);
  }

  #changeRules(change: (firewall: Firewall) => void): void {
    if (this.#firewall === undefined) return;
    try {
      change(this.#firewall);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      throw new K3cError(Code.INTERNAL, `cannot change the host's packet rules: ${error.message}`, { cause: error });
    }
  }

  #forget(left: FlowsLeftBehind): void {
    if (this.#firewall !== undefined) forgetLeft(this.#options.sockets.netfilter, left, this.#options.log);
  }

  #localAddresses(): Set<string> {
    const families = [IpFamily.IPV4, IpFamily.IPV6];
    return new Set(families.flatMap((family) => listAddresses(this.#route(), family).map(({ address }) => address)));
  }

  /** Puts back what a firewall reload or an administrator took away. */
  async #check(): Promise<void> {
    const { log, sockets } = this.#options;
    try {
      const link = sockets.route && findLink(sockets.route, this.#name);
      if (link?.index !== this.#started().index) await this.#remakeBridge();
      for (const { name } of this.named.repair()) {
        log.warn({ bridge: name }, `made the bridge again, ${GONE}`);
        await this.#routeLocal(name);
      }
      for (const definition of this.named.down()) await this.#raise(definition);
      const missing = this.#firewall?.check();
      if (missing !== undefined)
        log.warn({ bridge: this.#name }, `put back ${missing}, which something on this host had removed`);
      await this.#legacy.check();
    } catch (error) {
      log.warn({ bridge: this.#name, err: error }, 'cannot check the packet rules of this host');
    }
  }

  /** Containers that were on the old bridge have lost their network; new ones get theirs. */
  async #remakeBridge(): Promise<void> {
    const { name, subnet } = this.#started();
    this.#bridge = ensureBridge(this.#route(), name, `${subnet.gateway}/${subnet.network.prefix}`);
    this.#options.log.warn({ bridge: name }, `made the bridge again, ${GONE}`);
    await this.#allowLoopback();
  }
}

/** The ones there are, IPv4 first: listeners use that. */
function addressesOf(...addresses: readonly string[]): string[] {
  return addresses.filter((address) => address !== '');
}
