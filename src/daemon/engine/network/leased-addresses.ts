/**
 * Addresses of the default network, which belong to CNI's host-local plugin: a file for each in its directory, named for the address, with who
 * has it (plugins/ipam/host-local/backend/disk). Who makes the file first has the address, so we and the plugin never give the same twice.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { formatIpv4 } from '../../../host/netlink/ipv4.ts';
import type { Addresses, AddressGiver } from './network-addresses.ts';
import type { Subnet } from './subnet.ts';

/** The plugin asks by it when an interface goes. Ours go without the plugin. */
const INTERFACE = 'k3c';

export class LeasedAddresses implements AddressGiver {
  readonly #directory: string;
  readonly #subnet: () => Subnet;
  /** Addresses by owner. */
  readonly #held = new Map<string, string>();
  /** The last that was given: an address rests before somebody else gets it. */
  #last: number | undefined;

  /** @param directory where the plugin has the leases of the network */
  constructor(directory: string, subnet: () => Subnet) {
    this.#directory = directory;
    this.#subnet = subnet;
  }

  /** Who has one. */
  owners(): ReadonlySet<string> {
    return new Set(this.#held.keys());
  }

  /**
   * Takes a free one, downwards from the end: the plugin goes upwards.
   * @throws RESOURCE_EXHAUSTED where there is none, INVALID_ARGUMENT for one that is asked for: here nobody may
   */
  take(owner: string, asked: Addresses): Addresses {
    if (asked.ip !== '' || asked.ip6 !== '')
      throw new K3cError(
        Code.INVALID_ARGUMENT,
        'user specified IP address is supported on user defined networks only',
        {
          reason: 'bad-input',
        },
      );
    const { network, gateway } = this.#subnet();
    const first = network.address + 1;
    const last = network.address + 2 ** (32 - network.prefix) - 2;
    const size = last - first + 1;
    const from = this.#last === undefined ? last : this.#last - 1;
    for (let i = 0; i < size; i++) {
      const address = last - ((last - from + i) % size);
      const ip = formatIpv4(address);
      if (ip === gateway || !this.#lease(owner, ip)) continue;
      this.#last = address;
      return { ip, ip6: '' };
    }
    throw new K3cError(Code.RESOURCE_EXHAUSTED, 'no available IPv4 addresses on this network', {
      reason: 'no-address',
      hint: 'remove containers from it, or start the daemon with a larger --bridge-cidr',
    });
  }

  /** Takes up what an earlier daemon gave; a lease that is gone is made again. */
  adopt(owner: string, { ip }: Addresses): void {
    if (this.#lease(owner, ip) || this.#isOf(owner, ip)) this.#held.set(owner, ip);
    else throw new K3cError(Code.ALREADY_EXISTS, `Address already in use: ${ip}`, { reason: 'address-in-use' });
  }

  free(owner: string): void {
    const ip = this.#held.get(owner);
    if (ip === undefined) return;
    this.#held.delete(owner);
    if (this.#isOf(owner, ip)) rmSync(join(this.#directory, ip), { force: true });
  }

  /** False where somebody has it. */
  #lease(owner: string, ip: string): boolean {
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    try {
      writeFileSync(join(this.#directory, ip), `${owner}\r\n${INTERFACE}`, { flag: 'wx', mode: 0o644 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
    this.#held.set(owner, ip);
    return true;
  }

  #isOf(owner: string, ip: string): boolean {
    try {
      return readFileSync(join(this.#directory, ip), 'utf8').startsWith(`${owner}\r\n`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }
}
