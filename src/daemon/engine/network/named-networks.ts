/** Networks besides the default one: a bridge each, the addresses on it; and what we plug into these and the default one. */
import { Code, K3cError } from '../../../api/errors.ts';
import { NetlinkError } from '../../../host/netlink/error.ts';
import { deleteLink, findLink } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import type { Bridge } from './bridge.ts';
import type { NetworkMembers } from './members.ts';
import { Namespaces } from './namespaces.ts';
import type { AddressGiver } from './network-addresses.ts';
import { addressesOf, hasPorts, makeNetworkBridge, memberNetwork } from './network-bridge.ts';
import type { NetworkDefinition } from './network-definition.ts';
import { macOf, plug, routeBy, unplug } from './plug.ts';
import { removeStrayPorts } from './stray-ports.ts';

/** What a container asks of a network. */
export interface PlugRequest {
  readonly network: string;
  /** Empty: the next that is free. */
  readonly ip: string;
  /** Absent or empty: one at the same place in the network as the other, where that is free. */
  readonly ip6?: string | undefined;
  /** Empty: one that follows from the address. */
  readonly mac: string;
}

/** An interface that a container has. */
export interface Plugged {
  readonly network: string;
  readonly ip: string;
  /** Empty: the network has none. */
  readonly ip6: string;
  readonly mac: string;
  readonly interface: string;
}

interface Entry {
  readonly definition: NetworkDefinition;
  readonly bridge: Bridge;
  readonly addresses: AddressGiver;
}

/** What is needed to plug something in. */
type Place = Pick<Entry, 'bridge' | 'addresses'>;

/** The default network, for what is no pod on it: what comes later, and what has a MAC of its own. */
export interface DefaultPlace {
  readonly id: string;
  readonly bridge: () => Bridge;
  readonly addresses: AddressGiver;
}

export class NamedNetworks {
  readonly #namespaces: Namespaces;
  readonly #route: () => NetlinkSocket;
  readonly #members: NetworkMembers;
  readonly #default: DefaultPlace | undefined;
  readonly #entries = new Map<string, Entry>();
  /** Those that cannot be brought up now, and why. */
  readonly #down = new Map<string, { readonly definition: NetworkDefinition; readonly why: string }>();

  /** @param directory for namespaces, a file each by the owner's id */
  constructor(directory: string, route: () => NetlinkSocket, members: NetworkMembers, defaultPlace?: DefaultPlace) {
    this.#namespaces = new Namespaces(directory);
    this.#route = route;
    this.#members = members;
    this.#default = defaultPlace;
  }

  bridges(): Bridge[] {
    return [...this.#entries.values()].map(({ bridge }) => bridge);
  }

  /** Makes the bridge, or takes up the one that is there. Throws FAILED_PRECONDITION where its network collides. */
  add(definition: NetworkDefinition): Bridge {
    const bridge = makeNetworkBridge(this.#route(), definition);
    const addresses = this.#entries.get(definition.id)?.addresses ?? addressesOf(definition, bridge);
    this.#entries.set(definition.id, { definition, bridge, addresses });
    this.#down.delete(definition.id);
    this.#members.addNetwork(memberNetwork(definition));
    return bridge;
  }

  /** Notes that a network cannot be brought up: whoever wants to use it is told why, and it is among down(). */
  setDown(definition: NetworkDefinition, why: string): void {
    this.#down.set(definition.id, { definition, why });
  }

  /** Takes a network from use that may be up, before anybody has taken up what is plugged in. A bridge that has ports stays as it is. */
  takeDown(definition: NetworkDefinition, why: string): void {
    const bridge = this.#entries.get(definition.id)?.bridge;
    if (bridge !== undefined && !hasPorts(this.#route(), bridge)) this.#route().exchange(deleteLink(bridge.index));
    this.#entries.delete(definition.id);
    this.#members.removeNetwork(definition.id);
    this.setDown(definition, why);
  }

  /** What is to be added again some time. */
  down(): NetworkDefinition[] {
    return [...this.#down.values()].map(({ definition }) => definition);
  }

  /** Removes the bridge, of a network that is down too. Returns that of one that was up. */
  remove(id: string): Bridge | undefined {
    const bridge = this.#entries.get(id)?.bridge;
    const name = bridge?.name ?? this.#down.get(id)?.definition.bridge;
    const link = name === undefined ? undefined : findLink(this.#route(), name);
    if (link !== undefined) this.#route().exchange(deleteLink(link.index));
    this.#down.delete(id);
    this.#entries.delete(id);
    if (bridge !== undefined) this.#members.removeNetwork(id);
    return bridge;
  }

  /** Makes bridges again that something on the host has removed; returns them. */
  repair(): Bridge[] {
    return [...this.#entries.values()]
      .filter(({ bridge }) => findLink(this.#route(), bridge.name)?.index !== bridge.index)
      .map(({ definition }) => this.add(definition));
  }

  #place(id: string): Place | undefined {
    if (id !== this.#default?.id) return this.#entries.get(id);
    return { bridge: this.#default.bridge(), addresses: this.#default.addresses };
  }

  #mustBeThere(id: string): Place {
    const place = this.#place(id);
    if (place !== undefined) return place;
    const down = this.#down.get(id);
    if (down !== undefined)
      throw new K3cError(Code.FAILED_PRECONDITION, `network ${down.definition.name} is down: ${down.why}`, {
        hint: 'it comes back by itself once that is over',
      });
    throw new K3cError(Code.NOT_FOUND, `network ${id} not found`, { reason: 'network-not-found' });
  }

  /**
   * Makes the owner's namespace. Returns its path.
   * @param options.loopback whether its loopback device is up at once, and not when something is plugged in
   */
  open(owner: string, options: { readonly loopback?: boolean } = {}): string {
    return this.#namespaces.open(owner, options.loopback === true);
  }

  /** Where open() made it; undefined where the namespace is its pod's. */
  pathOf(owner: string): string | undefined {
    return this.#namespaces.pathOf(owner);
  }

  /**
   * Plugs a namespace into a network. What fails leaves nothing behind.
   * @throws NOT_FOUND for a network that is not there, FAILED_PRECONDITION for one that is down, and what AddressPool says
   */
  plug(owner: string, netns: string, { network, ip: asked, ip6: asked6 = '', mac: askedMac }: PlugRequest): Plugged {
    const place = this.#mustBeThere(network);
    const { bridge } = place;
    try {
      const { ip, ip6 } = place.addresses.take(owner, { ip: asked, ip6: asked6 });
      const mac = askedMac === '' ? macOf(ip) : askedMac;
      const defaultRoute = bridge.internal !== true;
      const { inside } = plug({ route: this.#route(), bridge, netns, ip, ip6, mac, defaultRoute });
      return { network, ip, ip6, mac, interface: inside };
    } catch (error) {
      place.addresses.free(owner);
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
    this.#place(plugged.network)?.addresses.free(owner);
    this.leadOut(netns, left);
  }

  /** Lets the first interface of a network that leads out be the one by which a namespace does, where none is yet; of each family. */
  leadOut(netns: string, left: readonly Pick<Plugged, 'network' | 'interface'>[]): void {
    for (const { network, interface: name } of left) {
      const bridge = this.#place(network)?.bridge;
      if (bridge !== undefined && bridge.internal !== true) routeBy(netns, name, bridge);
    }
  }

  /** Takes up what an earlier daemon plugged in. */
  adopt(
    owner: string,
    plugged: readonly (Pick<Plugged, 'network' | 'ip'> & { readonly ip6?: string | undefined })[],
  ): void {
    this.#namespaces.adopt(owner);
    for (const { network, ip, ip6 = '' } of plugged) this.#place(network)?.addresses.adopt(owner, { ip, ip6 });
  }

  /** Takes the owner's interfaces out of a namespace that others keep. */
  cutOff(owner: string, plugged: readonly Pick<Plugged, 'interface'>[]): void {
    const path = this.pathOf(owner);
    if (path !== undefined) for (const { interface: name } of plugged) unplug(path, name);
  }

  /** The owner's process has ended: addresses and namespace are free. One that has nothing is fine. */
  close(owner: string): void {
    for (const { addresses } of this.#entries.values()) addresses.free(owner);
    this.#default?.addresses.free(owner);
    this.#namespaces.close(owner);
  }

  /**
   * Takes away the interfaces that a killed daemon made and did not note (stray-ports.ts). Before anything is plugged in.
   * @param plugged what those that run have by right, the plugin's interface too; `netns` where the namespace is not one of ours
   */
  removeStrays(
    plugged: readonly { readonly owner: string; readonly netns?: string; readonly interfaces: readonly string[] }[],
  ): number {
    const places = plugged.map(({ owner, netns, interfaces }) => ({
      netns: netns ?? this.#namespaces.place(owner),
      interfaces,
    }));
    const bridges = [...this.bridges(), ...(this.#default === undefined ? [] : [this.#default.bridge()])];
    return removeStrayPorts(this.#route(), bridges, places);
  }

  /** Removes the namespaces that no owner has taken up: of starts that a killed daemon did not finish. Returns how many. */
  sweep(): number {
    return this.#namespaces.sweep();
  }
}
