/** The default network as containerd sees it: CNI's configuration, our plugin behind it, and the addresses of pods. */
import { join } from 'node:path';
import type { Log } from '../../../host/log.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import type { Bridge } from './bridge.ts';
import { CNI_NETWORK, removeCniConfiguration, writeCniConfiguration } from './cni.ts';
import { LeasedAddresses } from './leased-addresses.ts';
import { listenForPlugin, type PluginSocket } from './plugin-socket.ts';
import { hostEndFor, PodInterfaces } from './pod-interfaces.ts';

export interface PodNetworkOptions {
  readonly stateDir: string;
  readonly route: () => NetlinkSocket;
  readonly bridge: () => Bridge;
  readonly log: Log;
}

export class PodNetwork {
  /** Where containerd's CRI finds the CNI configuration. */
  readonly confDir: string;
  readonly pluginSocket: string;
  readonly addresses: LeasedAddresses;
  readonly #options: PodNetworkOptions;
  readonly #interfaces: PodInterfaces;
  #openedAt = 0;
  #socket: PluginSocket | undefined;

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    const directory = join(options.stateDir, 'cni');
    this.confDir = join(directory, 'net.d');
    this.pluginSocket = join(directory, 'own', 'plugin.sock');
    this.addresses = new LeasedAddresses(join(directory, 'leases', CNI_NETWORK), (ip) => this.#interfaces.end(ip));
    this.#interfaces = new PodInterfaces({
      ...options,
      leases: this.addresses,
      onError: (err) => options.log.warn({ err }, 'cannot take away the interface of a pod that is gone'),
    });
  }

  /** Serves the plugin from now on. The bridge is there. */
  async open(): Promise<void> {
    this.#openedAt = Date.now();
    this.addresses.open(this.#options.bridge().subnet);
    this.#socket = await listenForPlugin(this.pluginSocket, this.#interfaces, this.#options.log);
    await writeCniConfiguration(this.confDir);
  }

  /** As LeasedAddresses has it, and interfaces go, too. Returns how many. Without `before`, what an earlier daemon gave. */
  freeStale(livePods: ReadonlySet<string>, before = this.#openedAt): number {
    const freed = this.addresses.freeStale(livePods, before);
    for (const { owner, ip } of freed) this.#interfaces.leave(ip, hostEndFor(owner));
    return freed.length;
  }

  /** containerd has ended. */
  async close(): Promise<void> {
    await this.#socket?.close();
    this.#interfaces.close();
  }

  /** Removes configuration and addresses: no pod is left. */
  async remove(): Promise<void> {
    await removeCniConfiguration(this.confDir);
    this.addresses.clear();
  }
}
