/** The addresses of one network: who has which. In memory; a new daemon fills it from what runs. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { AddressSpace } from './address-space.ts';

export class AddressPool {
  readonly #space: AddressSpace;
  readonly #network: string;
  readonly #remedy: string;
  readonly #taken = new Map<bigint, string>();
  /** The last that was given: the next is sought behind it, so that an address rests before somebody else gets it. */
  #last: bigint | undefined;

  /**
   * @param network its name, for errors
   * @param remedy what a user can do, besides removing containers, when all are taken
   */
  constructor(space: AddressSpace, network: string, remedy = 'make a network with a larger subnet') {
    this.#space = space;
    this.#network = network;
    this.#remedy = remedy;
  }

  #isFree(address: bigint): boolean {
    return !this.#taken.has(address) && address !== this.#space.gateway;
  }

  /**
   * Takes the next free address. Throws RESOURCE_EXHAUSTED where there is none.
   * @param place how far from the network's own address it should be, if that one is free
   */
  take(owner: string, place?: bigint): string {
    const address = this.#preferred(place) ?? this.#next();
    if (address === undefined)
      throw new K3cError(
        Code.RESOURCE_EXHAUSTED,
        `no available ${this.#space.family} addresses on network ${this.#network}`,
        {
          reason: 'no-address',
          hint: `remove containers from it, or ${this.#remedy}`,
        },
      );
    this.#last = address;
    this.#taken.set(address, owner);
    return this.#space.format(address);
  }

  #preferred(place: bigint | undefined): bigint | undefined {
    if (place === undefined) return undefined;
    const { base, range } = this.#space;
    const address = base + place;
    return address >= range.first && address <= range.last && this.#isFree(address) ? address : undefined;
  }

  #next(): bigint | undefined {
    const { first, last } = this.#space.range;
    const size = last - first + 1n;
    const from = this.#last === undefined ? first : this.#last + 1n;
    for (let i = 0n; i < size; i++) {
      const address = first + ((((from - first + i) % size) + size) % size);
      if (this.#isFree(address)) return address;
    }
    return undefined;
  }

  /** How far an address of the network is from the network's own. Throws as claim() does. */
  placeOf(text: string): bigint {
    return this.#host(text) - this.#space.base;
  }

  #host(text: string): bigint {
    const { hosts, parse } = this.#space;
    const address = parse(text);
    if (address === undefined || address < hosts.first || address > hosts.last)
      throw new K3cError(
        Code.INVALID_ARGUMENT,
        `invalid address ${text}: it is no host's in the subnet of network ${this.#network}`,
        {
          reason: 'bad-input',
        },
      );
    return address;
  }

  /**
   * Takes this very address; the owner may have it already. Throws INVALID_ARGUMENT for one that is not a host of the subnet,
   * ALREADY_EXISTS for one that another has.
   */
  claim(owner: string, text: string): void {
    const address = this.#host(text);
    const holder = this.#taken.get(address);
    if (holder === owner) return;
    if (holder !== undefined || !this.#isFree(address))
      throw new K3cError(Code.ALREADY_EXISTS, `Address already in use: ${text}`, { reason: 'address-in-use' });
    this.#taken.set(address, owner);
  }

  /** Frees what the owner has. */
  free(owner: string): void {
    for (const [address, holder] of this.#taken) if (holder === owner) this.#taken.delete(address);
  }

  get size(): number {
    return this.#taken.size;
  }
}
