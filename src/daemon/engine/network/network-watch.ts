/** Looks again and again whether bridges and rules are still there, and puts back what a firewall reload or an administrator took away. */
import { K3cError } from '../../../api/errors.ts';
import type { Log } from '../../../host/log.ts';
import { findLink } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { type Bridge, ensureBridge } from './bridge.ts';
import type { NamedNetworks } from './named-networks.ts';
import type { NetworkDefinition } from './network-definition.ts';
import type { PacketRules } from './packet-rules.ts';

const DEFAULT_INTERVAL_MS = 1000;
const GONE = 'which something on this host had removed; running containers need a restart to get their network back';

export interface NetworkWatchOptions {
  readonly route: () => NetlinkSocket;
  /** The default network's. */
  readonly bridge: () => Bridge;
  /** Told of it when it had to be made again. */
  readonly setBridge: (bridge: Bridge) => void;
  readonly named: NamedNetworks;
  /** Brings up a network that is down. */
  readonly raise: (definition: NetworkDefinition) => Promise<void>;
  readonly rules: PacketRules;
  readonly log: Log;
  readonly intervalMs: number | undefined;
}

export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  /** A look may take longer than it is to the next one: it runs a program where there is legacy iptables. */
  #looking = false;

  constructor(options: NetworkWatchOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#look(), this.#options.intervalMs ?? DEFAULT_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { named, rules, log } = this.#options;
    const bridge = this.#options.bridge().name;
    try {
      await this.#repairBridges();
      for (const definition of named.down()) await this.#raise(definition);
      const missing = this.isOn ? rules.check() : undefined;
      if (missing !== undefined) log.warn({ bridge }, `put back ${missing}, which something on this host had removed`);
      if (this.isOn) await rules.checkLegacy();
    } catch (err) {
      log.warn({ bridge, err }, 'cannot check the packet rules of this host');
    } finally {
      this.#looking = false;
    }
  }

  /** Containers that were on a bridge of before have lost their network; new ones get theirs. */
  async #repairBridges(): Promise<void> {
    const { route, bridge, setBridge, named, rules, log } = this.#options;
    const { name, index, subnet } = bridge();
    if (findLink(route(), name)?.index !== index) {
      setBridge(ensureBridge(route(), name, `${subnet.gateway}/${subnet.network.prefix}`));
      log.warn({ bridge: name }, `made the bridge again, ${GONE}`);
      await rules.allowLoopback();
    }
    for (const made of this.isOn ? named.repair() : []) {
      log.warn({ bridge: made.name }, `made the bridge again, ${GONE}`);
      await rules.openNamed(made.name);
    }
  }

  /** Tries to bring up what could not be at start. */
  async #raise(definition: NetworkDefinition): Promise<void> {
    const { named, raise, log } = this.#options;
    // Stopped, or removed, while another one was brought up.
    if (!this.isOn || !named.down().some(({ id }) => id === definition.id)) return;
    try {
      await raise(definition);
      log.info({ network: definition.name }, 'the network is up');
    } catch (error) {
      if (!(error instanceof K3cError)) throw error;
      named.setDown(definition, error.message);
    }
  }
}
