/** The interfaces of pods on the default network, which containerd asks for by CNI (specification 1.0, section 4). Synchronous: some two milliseconds. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { isNetlinkError, NetlinkError } from '../../../host/netlink/error.ts';
import { deleteLink, findLink } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import type { Bridge } from './bridge.ts';
import { CNI_VERSION } from './cni.ts';
import type { LeasedAddresses } from './leased-addresses.ts';
import { macOf, plug } from './plug.ts';

/** How long a pair may stay after its pod: the kernel ends a namespace in the background, within a tenth of a second or so. */
const LINGER_MS = 2000;

export interface AddRequest {
  readonly sandboxId: string;
  readonly netns: string;
  readonly interfaceName: string;
}

export interface DeleteRequest {
  readonly sandboxId: string;
  /** The host's end as the answer to the ADD named it; absent: as this daemon names it. */
  readonly hostEnd: string | undefined;
}

export interface PodInterfacesOptions {
  readonly route: () => NetlinkSocket;
  readonly bridge: () => Bridge;
  readonly leases: LeasedAddresses;
  readonly onError: (error: unknown) => void;
}

/** It follows from the pod, so that it is found where nobody kept the answer to the ADD. */
export function hostEndFor(sandboxId: string): string {
  return `veth${createHash('sha256').update(sandboxId).digest('hex').slice(0, 8)}`;
}

export class PodInterfaces {
  readonly #options: PodInterfacesOptions;
  /** Host's ends of pairs whose pod is gone, by the address that they had. */
  readonly #leaving = new Map<string, string>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: PodInterfacesOptions) {
    this.#options = options;
  }

  /**
   * Gives a pod its interface. What fails leaves nothing behind.
   * @returns CNI's result
   * @throws RESOURCE_EXHAUSTED where no address is free, INTERNAL where the kernel does not make the interface
   */
  add({ sandboxId, netns, interfaceName: name }: AddRequest): object {
    const { leases } = this.#options;
    const bridge = this.#options.bridge();
    const ip = leases.takeForPod(sandboxId, name);
    const mac = macOf(ip);
    const { network, gateway } = bridge.subnet;
    const hostEnd = hostEndFor(sandboxId);
    try {
      // Of the same pod, which was taken off a moment ago.
      for (const [former, left] of this.#leaving) if (left === hostEnd) this.end(former);
      plug({
        ...{ route: this.#options.route(), bridge, netns, ip, ip6: '', mac, name, hostEnd },
        defaultRoute: true,
      });
      return {
        cniVersion: CNI_VERSION,
        interfaces: [{ name: bridge.name }, { name: hostEnd }, { name, mac, sandbox: netns }],
        ips: [{ interface: 2, address: `${ip}/${network.prefix}`, gateway }],
        routes: [{ dst: '0.0.0.0/0' }],
        dns: {},
      };
    } catch (error) {
      leases.free(sandboxId);
      if (!(error instanceof NetlinkError)) throw error;
      throw new K3cError(
        Code.INTERNAL,
        `cannot make an interface on ${bridge.name} for ${basename(netns)}: ${error.message}`,
        {
          cause: error,
        },
      );
    }
  }

  /**
   * The pod is gone: its address is free, and its interface goes with its namespace. Deleting the pair would hold the daemon up for some
   * 20 ms; where something keeps the namespace, that is done later, and at the latest when another gets the address.
   */
  delete({ sandboxId, hostEnd = hostEndFor(sandboxId) }: DeleteRequest): void {
    const ip = this.#options.leases.addressOf(sandboxId);
    this.#options.leases.free(sandboxId);
    if (ip !== undefined) this.leave(ip, hostEnd);
  }

  /** What had an address that is free now goes with its namespace, or later, or when another gets the address. */
  leave(ip: string, hostEnd: string): void {
    this.#leaving.set(ip, hostEnd);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#leaving.get(ip) === hostEnd) this.#tryToEnd(ip);
    }, LINGER_MS);
    timer.unref();
    this.#timers.add(timer);
  }

  #tryToEnd(ip: string): void {
    try {
      this.end(ip);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** Takes away the pair that had an address, if it is still there: before somebody else has it. */
  end(ip: string): void {
    const hostEnd = this.#leaving.get(ip);
    if (hostEnd === undefined) return;
    const route = this.#options.route();
    const link = findLink(route, hostEnd);
    try {
      if (link !== undefined) route.exchange(deleteLink(link.index));
    } catch (error) {
      // Its namespace ended at this very moment.
      if (!isNetlinkError(error, 'ENODEV')) throw error;
    }
    // Not before: while it is there, nobody else may have the address.
    this.#leaving.delete(ip);
  }

  /** Ends all that is still leaving, and the waiting for it. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const ip of [...this.#leaving.keys()]) this.#tryToEnd(ip);
  }
}
