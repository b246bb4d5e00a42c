/** The addresses of one network: who has which. In memory; a new daemon fills it from what runs. */
import { Code, K3cError } from '../../../api/errors.ts';
import { formatIpv4, type Ipv4Network, parseIpv4 } from '../../../host/netlink/ipv4.ts';

export interface PoolOptions {
  readonly subnet: Ipv4Network;
  readonly gateway: string;
  /** Where addresses that nobody asks for come from; absent: all of the subnet. */
  readonly range?: Ipv4Network | undefined;
}

export class AddressPool {
  readonly #options: PoolOptions;
  readonly #taken = new Map<number, string>();
  /** The last that was given: the next is sought behind it, so that an address rests before somebody else gets it. */
  #last: number | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** The first and the last of a network that hosts may have. */
  #bounds({ address, prefix }: Ipv4Network): { first: number; last: number } {
    const { subnet } = this.#options;
    const end = address + 2 ** (32 - prefix) - 1;
    const broadcast = subnet.address + 2 ** (32 - subnet.prefix) - 1;
    return { first: Math.max(address, subnet.address + 1), last: Math.min(end, broadcast - 1) };
  }

  #isFree(address: number): boolean {
    return !this.#taken.has(address) && address !== parseIpv4(this.#options.gateway);
  }

  /** Takes the next free address. Throws RESOURCE_EXHAUSTED where there is none. */
  take(owner: string): string {
    const { first, last } = this.#bounds(this.#options.range ?? this.#options.subnet);
    const size = last - first + 1;
    const from = this.#last === undefined ? first : this.#last + 1;
    for (let i = 0; i < size; i++) {
      const address = first + ((((from - first + i) % size) + size) % size);
      if (!this.#isFree(address)) continue;
      this.#last = address;
      this.#taken.set(address, owner);
      return formatIpv4(address);
    }
    throw new K3cError(Code.RESOURCE_EXHAUSTED, 'no available IPv4 addresses on this network', {
      reason: 'no-address',
      hint: 'remove containers from it, or make a network with a larger subnet',
    });
  }

  /**
   * Takes this very address; the owner may have it already. Throws INVALID_ARGUMENT for one that is not a host of the subnet,
   * ALREADY_EXISTS for one that another has.
   */
  claim(owner: string, text: string): void {
    const { first, last } = this.#bounds(this.#options.subnet);
    const address = parseIpv4(text);
    if (address === undefined || address < first || address > last)
      throw new K3cError(Code.INVALID_ARGUMENT, `invalid address ${text}: it is not of this network's subnet`, {
        reason: 'bad-input',
      });
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
