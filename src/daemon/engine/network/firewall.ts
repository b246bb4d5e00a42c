import { isNetlinkError } from '../../../host/netlink/error.ts';
import { applyBatch, deleteElements, deleteTable, newElements, type TableId } from '../../../host/netlink/nftables.ts';
import { countElements, listRules, rulesetGeneration, tableExists } from '../../../host/netlink/nftables-list.ts';
import type { NetlinkSocket, Request } from '../../../host/netlink/socket.ts';
import { admitBridge, withdrawBridge } from './foreign-forward.ts';
import { admitNames, withdrawNames } from './foreign-input.ts';
import {
  type PublishedPort,
  portElements,
  portMaps,
  type RulesetInput,
  ruleCount,
  rulesetRequests,
} from './ruleset.ts';

/**
 * The daemon's nf_tables table. The caller says what should be there; small changes go in as elements, and whenever the
 * kernel disagrees (the table was flushed, an element is there or missing) the whole table is replaced at once.
 */
export class Firewall {
  readonly #socket: NetlinkSocket;
  readonly #table: TableId;
  /** What should be there now. */
  readonly #wanted: () => RulesetInput;
  #checkedGeneration = -1;

  constructor(socket: NetlinkSocket, table: TableId, wanted: () => RulesetInput) {
    this.#socket = socket;
    this.#table = table;
    this.#wanted = wanted;
  }

  /** Whether all rules are there, from this daemon or one before; what the maps hold is another matter. */
  hasRules(): boolean {
    return listRules(this.#socket, this.#table).length === ruleCount(this.#wanted());
  }

  /** Replaces the table, and lets the bridges through the forward chains of others. */
  apply(): void {
    this.#commit(rulesetRequests(this.#table, this.#wanted()));
    this.admit();
  }

  /** Lets the bridges, and questions for names, through the chains of others that drop; returns how many rules that took. */
  admit(): number {
    const { bridges, names = [] } = this.#wanted();
    const owners = bridges.map(({ name }) => name);
    const passed = owners.reduce((count, name) => count + admitBridge(this.#socket, name), 0);
    return passed + admitNames(this.#socket, names, owners);
  }

  /** Leads ports to pods. */
  add(ports: readonly PublishedPort[]): void {
    const maps = portMaps(this.#table);
    const { one, any } = portElements(ports);
    this.#change([...newElements(maps.one, one), ...newElements(maps.any, any)]);
  }

  /** Leads ports, wherever an earlier daemon led them. */
  move(ports: readonly PublishedPort[]): void {
    const maps = portMaps(this.#table);
    const { one, any } = portElements(ports);
    const added = [...newElements(maps.one, one), ...newElements(maps.any, any)];
    try {
      this.#commit([...deleteElements(maps.one, one), ...deleteElements(maps.any, any), ...added]);
    } catch (error) {
      if (!isNetlinkError(error, 'ENOENT')) throw error;
      this.#change(added);
    }
  }

  /** Stops leading ports to pods. */
  remove(ports: readonly PublishedPort[]): void {
    const maps = portMaps(this.#table);
    const { one, any } = portElements(ports);
    this.#change([...deleteElements(maps.one, one), ...deleteElements(maps.any, any)]);
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
      return `the table ${this.#table.table}`;
    }
    return this.admit() > 0 ? 'the passage through a foreign chain' : undefined;
  }

  #intact(): boolean {
    const wanted = this.#wanted();
    const elements = portElements(wanted.ports);
    const maps = portMaps(this.#table);
    try {
      return (
        this.hasRules() &&
        countElements(this.#socket, maps.one) === elements.one.length &&
        countElements(this.#socket, maps.any) === elements.any.length
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

  /** Removes the table and the rules in the chains of others. */
  dispose(): void {
    for (const { name } of this.#wanted().bridges) {
      withdrawBridge(this.#socket, name);
      withdrawNames(this.#socket, name);
    }
    if (tableExists(this.#socket, this.#table)) applyBatch(this.#socket, [deleteTable(this.#table)]);
  }
}
