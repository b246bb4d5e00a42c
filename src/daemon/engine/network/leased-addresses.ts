/**
 * The addresses of the default network. Who has one is told by a file each, named for the address, as CNI's host-local plugin keeps them
 * (plugins/ipam/host-local/backend/disk): pods outlive the daemon, and those that only containerd knows must not lose theirs.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { parseIpv4 } from '../../../host/netlink/ipv4.ts';
import { AddressPool } from './address-pool.ts';
import { ipv4Space } from './address-space.ts';
import type { Addresses, AddressGiver } from './network-addresses.ts';
import type { Subnet } from './subnet.ts';

/** Stands for the interface of what is plugged in besides pods: containers that were connected while they ran, or have a MAC of their own. */
const CONNECTED = 'k3c';

export class LeasedAddresses implements AddressGiver {
  readonly #directory: string;
  #pool: AddressPool | undefined;
  /** Addresses by owner, who has one at most. */
  readonly #held = new Map<string, string>();
  /** When each address was given, milliseconds since the epoch. */
  readonly #since = new Map<string, number>();
  /** Those that are no pods, and here by right. */
  readonly #connected = new Set<string>();

  readonly #beforeUse: (ip: string) => void;

  /**
   * @param directory where the files are
   * @param beforeUse called with an address that is about to be given: whatever still has it on the bridge must go. What it throws, take() does
   */
  constructor(directory: string, beforeUse: (ip: string) => void) {
    this.#directory = directory;
    this.#beforeUse = beforeUse;
  }

  /** Takes up the files that are there. Those of another subnet go: a bridge that anything is plugged into keeps its own. */
  open({ network: subnet, gateway }: Subnet): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    this.#pool = new AddressPool(
      ipv4Space({ subnet, gateway }),
      'bridge',
      'start the daemon with a larger --bridge-cidr',
    );
    this.#held.clear();
    this.#since.clear();
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      // host-local's lock, and its note on the last address.
      if (parseIpv4(name) === undefined) continue;
      const [owner = ''] = readFileSync(path, 'utf8').split('\r\n');
      if (owner !== '' && this.#claim(owner, name)) this.#since.set(name, statSync(path).mtimeMs);
      else rmSync(path, { force: true });
    }
  }

  /** False where it is no host of the subnet, or somebody else has it; an owner who has another one already gets none. */
  #claim(owner: string, ip: string): boolean {
    if (this.#held.has(owner)) return this.#held.get(owner) === ip;
    try {
      this.#addresses().claim(owner, ip);
    } catch (error) {
      if (error instanceof K3cError) return false;
      throw error;
    }
    this.#held.set(owner, ip);
    return true;
  }

  #addresses(): AddressPool {
    if (this.#pool === undefined)
      throw new K3cError(Code.INTERNAL, 'the default network was used before it was started');
    return this.#pool;
  }

  /** A pod's, for its interface. Throws RESOURCE_EXHAUSTED where none is free, ALREADY_EXISTS where it has one. */
  takeForPod(sandboxId: string, interfaceName: string): string {
    if (this.#held.has(sandboxId))
      throw new K3cError(Code.ALREADY_EXISTS, `pod ${sandboxId} is on the default network already`);
    return this.#take(sandboxId, interfaceName);
  }

  /** Undefined for one who has none. */
  addressOf(owner: string): string | undefined {
    return this.#held.get(owner);
  }

  #take(owner: string, interfaceName: string): string {
    const ip = this.#addresses().take(owner);
    this.#held.set(owner, ip);
    try {
      this.#note(owner, ip, interfaceName);
      this.#beforeUse(ip);
    } catch (error) {
      this.free(owner);
      throw error;
    }
    return ip;
  }

  #note(owner: string, ip: string, interfaceName: string): void {
    writeFileSync(join(this.#directory, ip), `${owner}\r\n${interfaceName}`, { mode: 0o644 });
    this.#since.set(ip, Date.now());
  }

  /**
   * For what is no pod.
   * @throws RESOURCE_EXHAUSTED where there is none, INVALID_ARGUMENT for one that is asked for: here nobody may
   */
  take(owner: string, asked: Addresses): Addresses {
    if (asked.ip !== '' || asked.ip6 !== '')
      throw new K3cError(
        Code.INVALID_ARGUMENT,
        'user specified IP address is supported on user defined networks only',
        { reason: 'bad-input' },
      );
    const ip = this.#take(owner, CONNECTED);
    this.#connected.add(owner);
    return { ip, ip6: '' };
  }

  /** Takes up what an earlier daemon gave to what is no pod; a file that is gone is made again. */
  adopt(owner: string, { ip }: Addresses): void {
    if (!this.#claim(owner, ip))
      throw new K3cError(Code.ALREADY_EXISTS, `Address already in use: ${ip}`, { reason: 'address-in-use' });
    this.#note(owner, ip, CONNECTED);
    this.#connected.add(owner);
  }

  free(owner: string): void {
    const ip = this.#held.get(owner);
    if (ip === undefined) return;
    this.#held.delete(owner);
    this.#connected.delete(owner);
    this.#since.delete(ip);
    this.#addresses().free(owner);
    rmSync(join(this.#directory, ip), { force: true });
  }

  /**
   * Frees those of pods that are not among the living ones; returns whose they were. A pod whose end a killed daemon missed leaves its own
   * behind, and a network of /24 is full after 253 of them. Only those from before `before` (milliseconds since the epoch) count: a
   * younger one may be of a pod that is just being made, and its address would be given twice.
   */
  freeStale(livePods: ReadonlySet<string>, before: number): { readonly owner: string; readonly ip: string }[] {
    const stale = [...this.#held].filter(
      ([owner, ip]) => !livePods.has(owner) && !this.#connected.has(owner) && (this.#since.get(ip) ?? 0) < before,
    );
    for (const [owner] of stale) this.free(owner);
    return stale.map(([owner, ip]) => ({ owner, ip }));
  }

  /** Removes the files: nothing is left that could have an address. */
  clear(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
