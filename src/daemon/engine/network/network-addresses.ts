/** The addresses of both families that one network gives to its containers. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { Ipv4Network } from '../../../host/netlink/ipv4.ts';
import type { Ipv6Network } from '../../../host/netlink/ipv6.ts';
import { AddressPool } from './address-pool.ts';
import { ipv4Space, ipv6Space } from './address-space.ts';

export interface NetworkPlace {
  readonly name: string;
  readonly ipv4: { readonly subnet: Ipv4Network; readonly gateway: string; readonly range: Ipv4Network | undefined };
  /** Absent: the network has no IPv6. */
  readonly ipv6:
    | { readonly subnet: Ipv6Network; readonly gateway: string; readonly range: Ipv6Network | undefined }
    | undefined;
}

export interface Addresses {
  readonly ip: string;
  /** Empty: none. */
  readonly ip6: string;
}

/** Who gives the addresses of a network. */
export interface AddressGiver {
  take(owner: string, asked: Addresses): Addresses;
  /** Takes up what an earlier daemon gave. */
  adopt(owner: string, addresses: Addresses): void;
  free(owner: string): void;
}

export class NetworkAddresses implements AddressGiver {
  readonly #name: string;
  readonly #pool: AddressPool;
  readonly #pool6: AddressPool | undefined;

  constructor({ name, ipv4, ipv6 }: NetworkPlace) {
    this.#name = name;
    this.#pool = new AddressPool(ipv4Space(ipv4), name);
    this.#pool6 = ipv6 && new AddressPool(ipv6Space(ipv6), name);
  }

  /**
   * Takes one of each family. Of one that throws the caller frees what was taken.
   * @param asked empty: whatever is free; of IPv6 what is at the same place in the network as the other, if that one is free:
   *   whoever remembers a neighbour of that address is then right about its MAC, which follows from the other
   */
  take(owner: string, asked: Addresses): Addresses {
    const ip = asked.ip === '' ? this.#pool.take(owner) : asked.ip;
    if (asked.ip !== '') this.#pool.claim(owner, ip);
    if (asked.ip6 !== '') this.#six().claim(owner, asked.ip6);
    const ip6 = asked.ip6 === '' ? (this.#pool6?.take(owner, this.#pool.placeOf(ip)) ?? '') : asked.ip6;
    return { ip, ip6 };
  }

  adopt(owner: string, { ip, ip6 }: Addresses): void {
    this.#pool.claim(owner, ip);
    if (ip6 !== '') this.#pool6?.claim(owner, ip6);
  }

  free(owner: string): void {
    this.#pool.free(owner);
    this.#pool6?.free(owner);
  }

  #six(): AddressPool {
    if (this.#pool6 !== undefined) return this.#pool6;
    throw new K3cError(Code.INVALID_ARGUMENT, `network ${this.#name} has no IPv6 addresses`, { reason: 'bad-input' });
  }
}
