/** Who is on which network now: what names are answered from. In memory alone; a new daemon fills it from what runs. */

/** A network with a bridge of its own. */
export interface MemberNetwork {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** docker's: `bridge` for the default one. */
  readonly name: string;
  /** The interface of the host. */
  readonly bridge: string;
  /** The bridge's own address, where containers reach this host. */
  readonly gateway: string;
  /** ADDRESS/PREFIX. */
  readonly cidr: string;
  /** The same of IPv6; absent where the network has none. */
  readonly ipv6?: { readonly gateway: string; readonly cidr: string } | undefined;
  /** Nothing leads out of it. */
  readonly internal: boolean;
}

/** A container that is being started or runs, as it is known on one network. */
export interface NetworkMember {
  /** The container's full id. */
  readonly container: string;
  readonly name: string;
  readonly hostname: string;
  /** Other names on this network (--network-alias, and what `network connect --alias` gave). */
  readonly aliases: readonly string[];
  readonly ip: string;
  /** Empty: none. */
  readonly ipv6: string;
  readonly mac: string;
}

export type MembersChange =
  | { readonly kind: 'network-added' | 'network-removed'; readonly network: MemberNetwork }
  | { readonly kind: 'joined' | 'left'; readonly network: MemberNetwork; readonly member: NetworkMember };

/** What a reader sees, such as the DNS server. */
export interface NetworkMembersView {
  networks(): readonly MemberNetwork[];
  network(id: string): MemberNetwork | undefined;
  members(network: string): readonly NetworkMember[];
  /** The networks that a container is on. */
  networksOf(container: string): readonly MemberNetwork[];
  /**
   * Called at once after every change, before the process of a new member starts. A member that changes (a new name) leaves and
   * joins. Returns what ends it. The listener must not throw.
   */
  onChange(listener: (change: MembersChange) => void): () => void;
}

interface Entry {
  readonly network: MemberNetwork;
  readonly members: Map<string, NetworkMember>;
}

export class NetworkMembers implements NetworkMembersView {
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(change: MembersChange) => void>();

  networks(): readonly MemberNetwork[] {
    return [...this.#entries.values()].map(({ network }) => network);
  }

  network(id: string): MemberNetwork | undefined {
    return this.#entries.get(id)?.network;
  }

  members(network: string): readonly NetworkMember[] {
    return [...(this.#entries.get(network)?.members.values() ?? [])];
  }

  networksOf(container: string): readonly MemberNetwork[] {
    return [...this.#entries.values()].filter(({ members }) => members.has(container)).map(({ network }) => network);
  }

  onChange(listener: (change: MembersChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(change: MembersChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  /** One that is there already keeps its members. */
  addNetwork(network: MemberNetwork): void {
    this.#entries.set(network.id, { network, members: this.#entries.get(network.id)?.members ?? new Map() });
    this.#tell({ kind: 'network-added', network });
  }

  removeNetwork(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    for (const member of entry.members.values()) this.leave(member.container, id);
    this.#entries.delete(id);
    this.#tell({ kind: 'network-removed', network: entry.network });
  }

  /** A network that is not there is passed over: it was removed meanwhile. */
  join(network: string, member: NetworkMember): void {
    const entry = this.#entries.get(network);
    if (entry === undefined) return;
    this.leave(member.container, network);
    entry.members.set(member.container, member);
    this.#tell({ kind: 'joined', network: entry.network, member });
  }

  /** @param network absent: all */
  leave(container: string, network?: string): void {
    const entries = network === undefined ? [...this.#entries.values()] : [this.#entries.get(network)];
    for (const entry of entries) {
      const member = entry?.members.get(container);
      if (entry === undefined || member === undefined) continue;
      entry.members.delete(container);
      this.#tell({ kind: 'left', network: entry.network, member });
    }
  }

  renamed(container: string, name: string): void {
    for (const { id } of this.networksOf(container)) {
      const member = this.#entries.get(id)?.members.get(container);
      if (member !== undefined) this.join(id, { ...member, name });
    }
  }
}
