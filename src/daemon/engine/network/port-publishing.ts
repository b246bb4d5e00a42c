/** Publishes ports: the sockets that hold them, the rules that lead them to pods, and the UDP flows that neither reaches. */
import type { Log } from '../../../host/log.ts';
import { IpFamily } from '../../../host/netlink/address.ts';
import { listAddresses } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import type { PortMapping, PortRequest, PublishedContainer } from './host-network.ts';
import type { PacketRules } from './packet-rules.ts';
import { PublishedPorts } from './published-ports.ts';
import type { PublishedPort } from './ruleset.ts';
import { flowsPast, flowsTo } from './udp-flows.ts';

export interface PortPublishingOptions {
  readonly route: () => NetlinkSocket;
  readonly rules: PacketRules;
  readonly log: Log;
}

/** What each method does is said at HostNetwork. */
export class PortPublishing {
  readonly #ports: PublishedPorts;
  readonly #options: PortPublishingOptions;
  /** Whether all that an earlier daemon published is known: until then the table rightly holds more. */
  #reconciled = false;

  constructor(options: PortPublishingOptions) {
    this.#options = options;
    this.#ports = new PublishedPorts(options.log);
  }

  published(): PublishedPort[] {
    return this.#ports.published();
  }

  async reserve(owner: string, ownerName: string, ports: readonly PortRequest[]): Promise<PortMapping[]> {
    const mappings = await this.#ports.reserve(owner, ownerName, ports);
    if (this.#addresses(IpFamily.IPV6).length > 0) return mappings;
    return mappings.map((mapping) => (mapping.hostIp === '' ? { ...mapping, ipv4Only: true } : mapping));
  }

  publish(owner: string, podIps: readonly string[], ports: readonly PortMapping[]): void {
    const { rules } = this.#options;
    const before = this.#ports.publishedBy(owner);
    // Before the change: an element in a table whose rules somebody has flushed leads nowhere.
    if (this.#reconciled) rules.change((firewall) => firewall.restore());
    this.#ports.publish(owner, podIps, ports);
    const added = podIps.flatMap((address) => ports.map((mapping) => ({ ...mapping, podIp: address })));
    rules.change((firewall) => (before.length > 0 ? firewall.apply() : firewall.add(added)));
    rules.forget(flowsPast(added, () => this.#localAddresses()));
  }

  renamed(owner: string, ownerName: string): void {
    this.#ports.renamed(owner, ownerName);
  }

  release(owner: string): void {
    const { rules } = this.#options;
    const removed = this.#ports.publishedBy(owner);
    this.#ports.release(owner);
    if (removed.length === 0) return;
    rules.change((firewall) => firewall.remove(removed));
    rules.forget(flowsTo(removed));
  }

  async reconcile(live: readonly PublishedContainer[]): Promise<void> {
    const { rules } = this.#options;
    const owners = new Set(live.map(({ owner }) => owner));
    // What this daemon knows before the first time can only be containers that are just being started.
    const left = this.#reconciled ? this.#ports.publishedOwners() : [];
    for (const owner of left) if (!owners.has(owner)) this.#ports.release(owner);
    for (const { owner, ownerName, podIp, podIp6 = '', ports } of live) {
      const adopted = await this.#ports.adopt(owner, ownerName, ports);
      this.#ports.publish(owner, addressesOf(podIp, podIp6), adopted);
    }
    rules.change((firewall) => firewall.apply());
    rules.forget(flowsPast(this.#ports.published(), () => this.#localAddresses()));
    this.#reconciled = true;
  }

  /** Closes all listeners; rules stay. */
  close(): void {
    this.#ports.close();
  }

  #localAddresses(): Set<string> {
    return new Set([IpFamily.IPV4, IpFamily.IPV6].flatMap((family) => this.#addresses(family)));
  }

  /** This host's own. */
  #addresses(family: IpFamily): string[] {
    return listAddresses(this.#options.route(), family).map(({ address }) => address);
  }
}

/** The ones there are, IPv4 first: listeners use that. */
export function addressesOf(...addresses: readonly string[]): string[] {
  return addresses.filter((address) => address !== '');
}
