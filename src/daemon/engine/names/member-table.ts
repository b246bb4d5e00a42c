/** The members of one network, found by name and by address. */
import type { NetworkMember } from './members.ts';
import { canonicalAddress } from './reverse.ts';

const SHORT_ID = 12;

/** Answers in well under a microsecond; changes count from the next question on. */
export class MemberTable {
  readonly #network: string;
  readonly #members = new Map<string, NetworkMember>();
  readonly #byName = new Map<string, Set<NetworkMember>>();
  readonly #byHostname = new Map<string, Set<NetworkMember>>();
  readonly #byAddress = new Map<string, NetworkMember>();

  /** @param network the network's name, which may follow a container's after a dot */
  constructor(network: string) {
    this.#network = network.toLowerCase();
  }

  /** Adds a member, or replaces what was known of it. */
  put(member: NetworkMember): void {
    this.remove(member.id);
    this.#members.set(member.id, member);
    for (const name of this.#names(member)) add(this.#byName, name, member);
    if (member.hostname !== '') add(this.#byHostname, member.hostname.toLowerCase(), member);
    for (const address of member.addresses) this.#byAddress.set(canonicalAddress(address), member);
  }

  /** Forgets a member; one that is not there is fine. */
  remove(id: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    for (const name of this.#names(member)) drop(this.#byName, name, member);
    if (member.hostname !== '') drop(this.#byHostname, member.hostname.toLowerCase(), member);
    // The address may be another's by now.
    for (const address of member.addresses.map(canonicalAddress))
      if (this.#byAddress.get(address) === member) this.#byAddress.delete(address);
  }

  get(id: string): NetworkMember | undefined {
    return this.#members.get(id);
  }

  /** The members that answer to a name, in lower case and without the last dot; undefined: nobody does. */
  named(name: string): Iterable<NetworkMember> | undefined {
    return this.#byName.get(name) ?? this.#byHostname.get(name);
  }

  /** Whose address this is. */
  at(address: string): NetworkMember | undefined {
    return this.#byAddress.get(address);
  }

  /** Of a reverse look-up: docker's NAME.NETWORK. */
  fullName(member: NetworkMember): string {
    return `${member.name}.${this.#network}`;
  }

  #names({ id, name, aliases }: NetworkMember): Set<string> {
    const own = [name, ...aliases, id.slice(0, SHORT_ID)].map((each) => each.toLowerCase());
    return new Set([id, ...own, ...own.map((each) => `${each}.${this.#network}`)]);
  }
}

function add(index: Map<string, Set<NetworkMember>>, key: string, member: NetworkMember): void {
  const there = index.get(key);
  if (there === undefined) index.set(key, new Set([member]));
  else there.add(member);
}

function drop(index: Map<string, Set<NetworkMember>>, key: string, member: NetworkMember): void {
  const there = index.get(key);
  there?.delete(member);
  if (there?.size === 0) index.delete(key);
}
