/**
 * The packet rules of a daemon: our own tables where the kernel takes them, the passage through those of others, and what may be open
 * only behind rules.
 */
import { Code, K3cError } from '../../../api/errors.ts';
import type { Log } from '../../../host/log.ts';
import { NetlinkError } from '../../../host/netlink/error.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { forwardIpv6 } from './bridge-ipv6.ts';
import { Firewall } from './firewall.ts';
import { LegacyIptables } from './legacy-iptables.ts';
import { openBridge, shutBridge } from './passage.ts';
import type { RulesetInput } from './ruleset.ts';
import { type FlowsLeftBehind, forgetLeft } from './udp-flows.ts';

type Wanted = Omit<RulesetInput, 'loopback'>;

export interface PacketRulesOptions {
  readonly netfilter: NetlinkSocket | undefined;
  /** The default network's, for which tables are named. */
  readonly bridge: string;
  /** What should be there now. */
  readonly wanted: () => Wanted;
  readonly log: Log;
}

export class PacketRules {
  readonly #options: PacketRulesOptions;
  readonly #legacy: LegacyIptables;
  /** Undefined where the kernel has no nf_tables: the listeners carry all traffic then. */
  #firewall: Firewall | undefined;
  #ipv6 = true;
  #loopback = true;

  constructor(options: PacketRulesOptions) {
    this.#options = options;
    this.#legacy = new LegacyIptables({
      owner: options.bridge,
      log: options.log,
      wanted: () => {
        const { bridges, names = [] } = options.wanted();
        return { bridges: bridges.map(({ name }) => name), names };
      },
    });
  }

  /** Whether there are rules at all. */
  get isOpen(): boolean {
    return this.#firewall !== undefined;
  }

  /** Why networks of IPv6 cannot be kept apart here; undefined: they can. */
  get ipv6Lacks(): string | undefined {
    if (this.#firewall !== undefined && this.#ipv6) return undefined;
    return `networks of IPv6 need nf_tables${this.#firewall === undefined ? '' : ' of IPv6'}, which this kernel does not have`;
  }

  #wanted(): RulesetInput {
    const wanted = { ...this.#options.wanted(), loopback: this.#loopback };
    if (this.#ipv6) return wanted;
    return { ...wanted, bridges: wanted.bridges.map((bridge) => ({ ...bridge, ipv6: undefined })) };
  }

  /**
   * Puts the rules in place, or finds that this kernel takes none, of both families or of IPv6 alone. A table from before stays as it is,
   * for it may hold more than is known yet.
   */
  open(): void {
    const { netfilter, bridge, log } = this.#options;
    const reason = netfilter === undefined ? 'no netfilter socket' : this.#openWith(netfilter, bridge);
    if (reason === undefined) return;
    log.warn(
      {
        reason,
        hint: 'use a kernel with nf_tables; where it is a module: modprobe nf_tables, then start the daemon again',
      },
      'no nf_tables here: published ports go through a proxy, whose address containers see, and nothing masquerades: containers ' +
        'reach nothing beyond this host',
    );
  }

  /** Returns why there can be none. */
  #openWith(netfilter: NetlinkSocket, bridge: string): string | undefined {
    const firewall = new Firewall(netfilter, bridge, () => this.#wanted());
    let refused = tryRules(firewall);
    if (refused !== undefined && this.#wanted().bridges.some(({ ipv6 }) => ipv6 !== undefined)) {
      this.#ipv6 = false;
      refused = tryRules(firewall);
    }
    if (refused === undefined) this.#firewall = firewall;
    return refused?.message;
  }

  /** Nothing where there are no rules. Throws INTERNAL with what the kernel says. */
  change(act: (firewall: Firewall) => void): void {
    if (this.#firewall === undefined) return;
    try {
      act(this.#firewall);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      throw new K3cError(Code.INTERNAL, `cannot change the host's packet rules: ${error.message}`, { cause: error });
    }
  }

  /** Puts back what others took away; returns what was missing. Throws NetlinkError. */
  check(): string | undefined {
    return this.#firewall?.check();
  }

  /** Makes the kernel forget the flows that a change left behind. */
  forget(left: FlowsLeftBehind): void {
    if (this.#firewall !== undefined) forgetLeft(this.#options.netfilter, left, this.#options.log);
  }

  /** Only where a network needs it, for this is a setting of the whole host; and only behind the rules. */
  forwardIpv6(): void {
    const leadsOut = this.#wanted().bridges.some(({ ipv6, internal }) => ipv6 !== undefined && internal !== true);
    if (this.#firewall === undefined || !leadsOut) return;
    try {
      forwardIpv6();
    } catch (err) {
      this.#options.log.warn(
        { err },
        'cannot turn on net.ipv6.conf.all.forwarding: containers reach nothing beyond this host by IPv6',
      );
    }
  }

  /** 127.0.0.1 may lead into the default bridge only behind the rule that keeps containers away from the host's loopback. */
  async allowLoopback(): Promise<void> {
    if (this.#firewall === undefined) return;
    const allowed = await openBridge(this.#options.bridge);
    if (allowed === this.#loopback) return;
    this.#loopback = allowed;
    this.#firewall.apply();
  }

  /** Lets packets pass the bridge of another network, from 127.0.0.1 too; without rules it is shut. */
  async openNamed(bridge: string): Promise<void> {
    if (this.#firewall === undefined) await shutBridge(bridge);
    else await openBridge(bridge);
  }

  /** The bridges, or where names are answered, are others now: tells the legacy iptables at the next checkLegacy(). */
  changed(): void {
    this.#legacy.changed();
  }

  async checkLegacy(): Promise<void> {
    await this.#legacy.check();
  }

  async dispose(): Promise<void> {
    this.#firewall?.dispose();
    await this.#legacy.dispose();
  }
}

/** What the kernel refused; undefined: nothing. */
function tryRules(firewall: Firewall): NetlinkError | undefined {
  try {
    if (firewall.hasRules()) firewall.admit();
    else firewall.apply();
    return undefined;
  } catch (error) {
    if (error instanceof NetlinkError) return error;
    throw error;
  }
}
