/** The members of one network, found by name and by address. */
import type { NetworkMember } from '../network/members.ts';
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
    this.remove(member.container);
    this.#members.set(member.container, member);
    for (const name of this.#names(member)) add(this.#byName, name, member);
    if (member.hostname !== '') add(this.#byHostname, member.hostname.toLowerCase(), member);
    for (const address of addressesOf(member)) this.#byAddress.set(canonicalAddress(address), member);
  }

  /** Forgets a container; one that is not there is fine. */
  remove(container: string): void {
    const member = this.#members.get(container);
    if (member === undefined) return;
    this.#members.delete(container);
    for (const name of this.#names(member)) drop(this.#byName, name, member);
    if (member.hostname !== '') drop(this.#byHostname, member.hostname.toLowerCase(), member);
    // The address may be another's by now.
    for (const address of addressesOf(member).map(canonicalAddress))
      if (this.#byAddress.get(address) === member) this.#byAddress.delete(address);
  }

  has(container: string): boolean {
    return this.#members.has(container);
  }

  /**
   * The members that answer to a name, in lower case and without the last dot; undefined: nobody does. Hostnames count only where
   * no name, id or alias matches: one must not take the traffic of a container of that name.
   */
  named(name: string): Iterable<NetworkMember> | undefined {
    return this.#byName.get(name) ?? this.#byHostname.get(name);
  }

  /** Whose address this is, spelled as canonicalAddress() does. */
  at(address: string): NetworkMember | undefined {
    return this.#byAddress.get(address);
  }

  /** Of a reverse look-up: docker's NAME.NETWORK. */
  fullName({ name }: NetworkMember): string {
    return `${name}.${this.#network}`;
  }

  #names({ container, name, aliases }: NetworkMember): Set<string> {
    const own = [name, ...aliases, container.slice(0, SHORT_ID)].map((each) => each.toLowerCase());
    // The whole id is no name: a label has 63 letters at most (RFC 1035, 2.3.4), and it has 64.
    return new Set([...own, ...own.map((each) => `${each}.${this.#network}`)]);
  }
}

/** IPv4 and IPv6; a member that is just being started may have none yet. */
export function addressesOf({ ip, ipv6 }: NetworkMember): string[] {
  return [ip, ipv6].filter((address) => address !== '');
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
