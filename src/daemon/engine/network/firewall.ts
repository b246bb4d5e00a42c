import { isNetlinkError } from '../../../host/netlink/error.ts';
import { applyBatch, deleteElements, deleteTable, Family, newElements } from '../../../host/netlink/nftables.ts';
import { countElements, listRules, rulesetGeneration, tableExists } from '../../../host/netlink/nftables-list.ts';
import type { NetlinkSocket, Request } from '../../../host/netlink/socket.ts';
import { admitBridges, withdrawBridge } from './foreign-forward.ts';
import { admitNames, withdrawNames } from './foreign-input.ts';
import {
  familiesOf,
  type PublishedPort,
  portElements,
  portMaps,
  type RulesetInput,
  type RulesTable,
  ruleCount,
  rulesetRequests,
  tableOf,
} from './ruleset.ts';

/**
 * The daemon's nf_tables tables: one of IPv4, and one of IPv6 while a network has it. The caller says what should be there; small
 * changes go in as elements, and whenever the kernel disagrees (a table was flushed, an element is there or missing) whole tables are
 * replaced at once.
 */
export class Firewall {
  readonly #socket: NetlinkSocket;
  /** Of the daemon's default network, for which the tables are named. */
  readonly #bridge: string;
  /** What should be there now. */
  readonly #wanted: () => RulesetInput;
  #checkedGeneration = -1;

  constructor(socket: NetlinkSocket, bridge: string, wanted: () => RulesetInput) {
    this.#socket = socket;
    this.#bridge = bridge;
    this.#wanted = wanted;
  }

  #tables(): RulesTable[] {
    return familiesOf(this.#wanted()).map((family) => tableOf(this.#bridge, family));
  }

  /** Whether all rules are there, from this daemon or one before; what the maps hold is another matter. */
  hasRules(): boolean {
    const wanted = this.#wanted();
    return this.#tables().every((table) => listRules(this.#socket, table).length === ruleCount(table, wanted));
  }

  /** Replaces the tables, and lets the bridges through the forward chains of others. */
  apply(): void {
    const wanted = this.#wanted();
    const tables = this.#tables();
    // IPv4 by itself: a kernel that cannot do the same for IPv6 takes a batch of both for none.
    for (const table of tables) this.#commit(rulesetRequests(table, wanted));
    this.#removeIpv6Unless(tables.some(({ family }) => family === Family.IPV6));
    this.admit();
  }

  /** Of the last network that had it. */
  #removeIpv6Unless(wanted: boolean): void {
    const table = tableOf(this.#bridge, Family.IPV6);
    if (!wanted && tableExists(this.#socket, table)) this.#commit([deleteTable(table)]);
  }

  /** Lets the bridges, and questions for names, through the chains of others that drop; returns how many rules that took. */
  admit(): number {
    const { bridges, names = [] } = this.#wanted();
    const passed = admitBridges(
      this.#socket,
      bridges.map(({ name, ipv6 }) => ({ name, ipv6: ipv6 !== undefined })),
    );
    const owners = bridges.map(({ name }) => name);
    return passed + admitNames(this.#socket, names, owners);
  }

  /** Leads ports to pods. */
  add(ports: readonly PublishedPort[]): void {
    this.#change(this.#additions(ports));
  }

  /** Leads ports, wherever an earlier daemon led them. */
  move(ports: readonly PublishedPort[]): void {
    const added = this.#additions(ports);
    try {
      this.#commit([...this.#deletions(ports), ...added]);
    } catch (error) {
      if (!isNetlinkError(error, 'ENOENT')) throw error;
      this.#change(added);
    }
  }

  /** Stops leading ports to pods. */
  remove(ports: readonly PublishedPort[]): void {
    this.#change(this.#deletions(ports));
  }

  #additions(ports: readonly PublishedPort[]): Request[] {
    return this.#tables().flatMap((table) => {
      const maps = portMaps(table);
      const { one, any } = portElements(ports, table.family);
      return [...newElements(maps.one, one), ...newElements(maps.any, any)];
    });
  }

  #deletions(ports: readonly PublishedPort[]): Request[] {
    return this.#tables().flatMap((table) => {
      const maps = portMaps(table);
      const { one, any } = portElements(ports, table.family);
      return [...deleteElements(maps.one, one), ...deleteElements(maps.any, any)];
    });
  }

  #change(requests: readonly Request[]): void {
    if (requests.length === 0) return;
    try {
      this.#commit(requests);
    } catch (error) {
      if (!isNetlinkError(error, 'ENOENT', 'EEXIST')) throw error;
      this.apply();
    }
  }

  /** Applies a change; a generation that grew by this change alone needs no check. */
  #commit(requests: readonly Request[]): void {
    const before = rulesetGeneration(this.#socket);
    applyBatch(this.#socket, requests);
    if (before !== this.#checkedGeneration) return;
    const after = rulesetGeneration(this.#socket);
    if (after === before + 1) this.#checkedGeneration = after;
  }

  /**
   * Puts back what others took away; returns what was missing, or undefined. Costs one question while nobody has changed
   * any rule of this host.
   */
  check(): string | undefined {
    const generation = rulesetGeneration(this.#socket);
    if (generation === this.#checkedGeneration) return undefined;
    this.#checkedGeneration = generation;
    if (!this.#intact()) {
      this.apply();
      return `the table ${tableOf(this.#bridge).table}`;
    }
    return this.admit() > 0 ? 'the passage through a foreign chain' : undefined;
  }

  /**
   * Puts our tables back where others took something of them: what a change needs now. The passage through the chains of others, of which a
   * host with kube-proxy has thousands, is left to check().
   */
  restore(): void {
    if (rulesetGeneration(this.#socket) !== this.#checkedGeneration && !this.#intact()) this.apply();
  }

  #intact(): boolean {
    const { ports } = this.#wanted();
    try {
      return (
        this.hasRules() &&
        this.#tables().every((table) => {
          const elements = portElements(ports, table.family);
          const maps = portMaps(table);
          return (
            countElements(this.#socket, maps.one) === elements.one.length &&
            countElements(this.#socket, maps.any) === elements.any.length
          );
        })
      );
    } catch (error) {
      if (isNetlinkError(error, 'ENOENT')) return false;
      throw error;
    }
  }

  /** Takes a bridge that is gone out of the table, and out of the chains of others. */
  withdraw(bridge: string): void {
    withdrawBridge(this.#socket, bridge);
    withdrawNames(this.#socket, bridge);
    this.apply();
  }

  /** Removes the tables and the rules in the chains of others. */
  dispose(): void {
    for (const { name } of this.#wanted().bridges) {
      withdrawBridge(this.#socket, name);
      withdrawNames(this.#socket, name);
    }
    for (const family of [Family.IPV4, Family.IPV6]) {
      const table = tableOf(this.#bridge, family);
      if (tableExists(this.#socket, table)) applyBatch(this.#socket, [deleteTable(table)]);
    }
  }
}
