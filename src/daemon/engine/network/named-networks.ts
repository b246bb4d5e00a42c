/** Networks besides the default one: a bridge each, the addresses on it, and what is plugged in. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { NetlinkError } from '../../../host/netlink/error.ts';
import { parseIpv4, parseIpv4Network } from '../../../host/netlink/ipv4.ts';
import { deleteLink, findLink } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { makeNetns, removeNetns } from '../../../host/netns.ts';
import { AddressPool } from './address-pool.ts';
import { type Bridge, ensureBridge } from './bridge.ts';
import type { NetworkMembers } from './members.ts';
import { macOf, plug, routeBy, unplug } from './plug.ts';

export interface NetworkDefinition {
  readonly id: string;
  readonly name: string;
  /** The interface on the host. */
  readonly bridge: string;
  /** ADDRESS/PREFIX. */
  readonly subnet: string;
  readonly gateway: string;
  /** ADDRESS/PREFIX; empty: all of the subnet. */
  readonly ipRange: string;
  readonly internal: boolean;
  /** 0: that of the default route. */
  readonly mtu: number;
}

/** What a container asks of a network. */
export interface PlugRequest {
  readonly network: string;
  /** Empty: the next that is free. */
  readonly ip: string;
  /** Empty: one that follows from the address. */
  readonly mac: string;
}

/** An interface that a container has. */
export interface Plugged {
  readonly network: string;
  readonly ip: string;
  readonly mac: string;
  readonly interface: string;
}

interface Entry {
  readonly definition: NetworkDefinition;
  readonly bridge: Bridge;
  readonly pool: AddressPool;
}

export class NamedNetworks {
  readonly #directory: string;
  readonly #route: () => NetlinkSocket;
  readonly #members: NetworkMembers;
  readonly #entries = new Map<string, Entry>();
  /** Who has a namespace that we made. */
  readonly #owners = new Set<string>();

  /** @param directory for namespaces, a file each by the owner's id */
  constructor(directory: string, route: () => NetlinkSocket, members: NetworkMembers) {
    this.#directory = directory;
    this.#route = route;
    this.#members = members;
  }

  bridges(): Bridge[] {
    return [...this.#entries.values()].map(({ bridge }) => bridge);
  }

  /** Makes the bridge, or takes up the one that is there. Throws FAILED_PRECONDITION where its network collides. */
  add(definition: NetworkDefinition): Bridge {
    const network = parseIpv4Network(definition.subnet);
    if (network === undefined || parseIpv4(definition.gateway) === undefined)
      throw new K3cError(Code.INTERNAL, `network ${definition.name} has no IPv4 subnet`);
    const subnet = { network, gateway: definition.gateway };
    const made = ensureBridge(this.#route(), definition.bridge, subnet, definition.mtu);
    const bridge = { ...made, internal: definition.internal };
    const range = definition.ipRange === '' ? undefined : parseIpv4Network(definition.ipRange);
    const pool = this.#entries.get(definition.id)?.pool ?? new AddressPool({ ...subnet, subnet: network, range });
    this.#entries.set(definition.id, { definition, bridge, pool });
    const { id, name, gateway, subnet: cidr, internal } = definition;
    this.#members.addNetwork({ id, name, bridge: bridge.name, gateway, cidr, internal });
    return bridge;
  }

  /** Removes the bridge. Returns it; undefined where there is none. */
  remove(id: string): Bridge | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    const link = findLink(this.#route(), entry.bridge.name);
    if (link !== undefined) this.#route().exchange(deleteLink(link.index));
    this.#entries.delete(id);
    this.#members.removeNetwork(id);
    return entry.bridge;
  }

  /** Makes bridges again that something on the host has removed; returns them. */
  repair(): Bridge[] {
    return [...this.#entries.values()]
      .filter(({ bridge }) => findLink(this.#route(), bridge.name)?.index !== bridge.index)
      .map(({ definition }) => this.add(definition));
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw new K3cError(Code.NOT_FOUND, `network ${id} not found`, { reason: 'network-not-found' });
  }

  /** Makes the owner's namespace, with a loopback device that is up once something is plugged in. Returns its path. */
  open(owner: string): string {
    mkdirSync(this.#directory, { recursive: true, mode: 0o711 });
    const path = join(this.#directory, owner);
    // Of an attempt whose end the daemon missed.
    removeNetns(path);
    makeNetns(path);
    this.#owners.add(owner);
    return path;
  }

  /** Where open() made it; undefined where the namespace is its pod's. */
  pathOf(owner: string): string | undefined {
    const path = join(this.#directory, owner);
    return this.#owners.has(owner) && existsSync(path) ? path : undefined;
  }

  /**
   * Plugs a namespace into a network. What fails leaves nothing behind.
   * @throws NOT_FOUND for a network that is not there, and what AddressPool says
   */
  plug(owner: string, netns: string, { network, ip: asked, mac: askedMac }: PlugRequest): Plugged {
    const { bridge, pool } = this.#entry(network);
    if (asked !== '') pool.claim(owner, asked);
    const ip = asked === '' ? pool.take(owner) : asked;
    const mac = askedMac === '' ? macOf(ip) : askedMac;
    try {
      const name = plug({ route: this.#route(), bridge, netns, ip, mac, defaultRoute: bridge.internal !== true });
      return { network, ip, mac, interface: name };
    } catch (error) {
      pool.free(owner);
      if (!(error instanceof NetlinkError)) throw error;
      throw new K3cError(Code.INTERNAL, `cannot make an interface on ${bridge.name}: ${error.message}`, {
        cause: error,
      });
    }
  }

  /**
   * Takes an interface away again.
   * @param left what the container still has: one of these leads out from now on
   */
  unplug(
    owner: string,
    netns: string,
    plugged: Pick<Plugged, 'network' | 'interface'>,
    left: readonly Pick<Plugged, 'network' | 'interface'>[],
  ): void {
    unplug(netns, plugged.interface);
    this.#entries.get(plugged.network)?.pool.free(owner);
    this.leadOut(netns, left);
  }

  /** Lets the first interface of a network that leads out be the one by which a namespace does, where none is yet. */
  leadOut(netns: string, left: readonly Pick<Plugged, 'network' | 'interface'>[]): void {
    for (const { network, interface: name } of left) {
      const entry = this.#entries.get(network);
      if (entry === undefined || entry.definition.internal) continue;
      routeBy(netns, name, entry.definition.gateway);
      return;
    }
  }

  /** Takes up what an earlier daemon plugged in. */
  adopt(owner: string, plugged: readonly Pick<Plugged, 'network' | 'ip'>[]): void {
    this.#owners.add(owner);
    for (const { network, ip } of plugged) this.#entries.get(network)?.pool.claim(owner, ip);
  }

  /** Takes the owner's interfaces out of a namespace that others keep. */
  cutOff(owner: string, plugged: readonly Pick<Plugged, 'interface'>[]): void {
    const path = this.pathOf(owner);
    if (path !== undefined) for (const { interface: name } of plugged) unplug(path, name);
  }

  /** The owner's process has ended: addresses and namespace are free. One that has nothing is fine. */
  close(owner: string): void {
    for (const { pool } of this.#entries.values()) pool.free(owner);
    if (this.#owners.delete(owner)) removeNetns(join(this.#directory, owner));
  }

  /** Removes the namespaces that no owner has taken up: of starts that a killed daemon did not finish. Returns how many. */
  sweep(): number {
    let swept = 0;
    for (const name of listNames(this.#directory)) {
      if (this.#owners.has(name)) continue;
      removeNetns(join(this.#directory, name));
      swept++;
    }
    return swept;
  }
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    // Nothing was ever plugged in.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
