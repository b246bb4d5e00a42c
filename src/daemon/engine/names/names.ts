/** The names of containers: what others call. One for a daemon; every network has a listener and a table. */
import { BlockList, isIPv6 } from 'node:net';
import type { Log } from '../../../host/log.ts';
import type { MemberNetwork, MembersChange, NetworkMembersView } from '../network/members.ts';
import { Forwarder } from './forwarder.ts';
import { listenForQuestions } from './listener.ts';
import type { NameListener } from './listening.ts';
import { MemberTable } from './member-table.ts';
import type { Query } from './message.ts';
import { HostResolverFile, type HostResolverPaths } from './resolv-conf.ts';
import { type Asker, respond } from './responder.ts';

export interface NamesOptions {
  /** Who is on which network; followed until close(). */
  readonly members: NetworkMembersView;
  /** --dns of a container. Asked once for each that joins. */
  readonly serversOf: (container: string) => readonly string[];
  /** The ports to try on a gateway, the first that is free serves; 0: any. */
  readonly ports: () => readonly number[];
  /** Told of the port on which a network is served, and of the end of that (undefined). A network is not served where it throws. */
  readonly onPort: (network: MemberNetwork, port: number | undefined) => void;
  readonly log: Log;
  readonly hostResolverPaths?: HostResolverPaths;
  /** Port of the servers that are asked; for tests. */
  readonly serverPort?: number;
}

export interface Names {
  /** Settles when the networks of now are served, or cannot be. */
  ready(): Promise<void>;
  /** The gateway to put into resolv.conf; undefined for a network that is not served: its containers keep the host's resolvers. */
  resolver(network: string): Promise<string | undefined>;
  /** Ends all. */
  close(): void;
}

interface Served {
  readonly network: MemberNetwork;
  readonly table: MemberTable;
  readonly contains: (address: string) => boolean;
  /** By container. */
  readonly servers: Map<string, readonly string[]>;
  /** Undefined in the end where no port is free. */
  readonly opening: Promise<NameListener | undefined>;
}

/** What bind(2) says of ports and addresses that others have; all else is a mistake of ours. */
const TAKEN: ReadonlySet<string | undefined> = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL']);

/** Serves all networks of now and of later. */
export function createNames(options: NamesOptions): Names {
  const { members, log } = options;
  const served = new Map<string, Served>();
  const forwarder = new Forwarder({ log, ...(options.serverPort === undefined ? {} : { port: options.serverPort }) });
  const file = new HostResolverFile(options.hostResolverPaths);
  const responder = {
    forwarder,
    hostResolvers: () => file.now(),
    isGateway: (address: string) => [...served.values()].some(({ network }) => network.gateway === address),
  };
  const isOurs = (address: string) => networkOf(address) !== undefined;
  /** Undefined for one who is on none of our networks: whatever interface the question came in by, it gets no answer. */
  const networkOf = (address: string): Served | undefined => {
    const all = [...served.values()];
    return all.find(({ table }) => table.at(address) !== undefined) ?? all.find(({ contains }) => contains(address));
  };

  /** What counts is who asks, not which gateway: a container on several networks has one in its resolv.conf. */
  const askerAt = (address: string): Asker | undefined => {
    const first = networkOf(address);
    if (first === undefined) return undefined;
    const container = first.table.at(address)?.container;
    const others = container === undefined ? [] : [...served.values()].filter((each) => each.table.has(container));
    const networks = [...new Set([first, ...others])];
    return {
      tables: networks.map(({ table }) => table),
      isOurs,
      servers: container === undefined ? [] : (first.servers.get(container) ?? []),
      internal: networks.every(({ network }) => network.internal),
    };
  };
  const answer = (bytes: Buffer, from: string, limit: (query: Query) => number) => {
    const asker = askerAt(from);
    return asker === undefined ? undefined : respond(responder, asker, { bytes, from, limit });
  };

  /** Whether questions are led there. */
  const announce = (network: MemberNetwork, port: number | undefined): boolean => {
    try {
      options.onPort(network, port);
      return true;
    } catch (err) {
      log.error({ err, network: network.name, port }, 'cannot lead questions for names to where they are answered');
      return false;
    }
  };

  const open = async (entry: Served): Promise<NameListener | undefined> => {
    const { network } = entry;
    const { name, gateway } = network;
    for (const port of options.ports()) {
      try {
        const listener = await listenForQuestions({ address: gateway, port, admits: isOurs, answer });
        if (served.get(network.id) === entry && announce(network, listener.port)) return listener;
        listener.close();
        return undefined;
      } catch (err) {
        if (!TAKEN.has((err as NodeJS.ErrnoException).code)) log.error({ err, network: name }, 'cannot serve names');
        else log.debug({ err, network: name, port }, 'cannot serve names on this port');
      }
    }
    log.warn(
      { network: name, gateway, ports: options.ports() },
      'cannot serve names on this network: its containers do not find each other by name, and ask the resolvers of the host',
    );
    return undefined;
  };

  const end = ({ network, opening }: Served) => {
    served.delete(network.id);
    void opening.then((listener) => {
      if (listener === undefined) return;
      listener.close();
      announce(network, undefined);
    });
  };

  const join = ({ table, servers }: Served, member: Parameters<MemberTable['put']>[0]) => {
    servers.set(member.container, options.serversOf(member.container));
    table.put(member);
  };

  const begin = (network: MemberNetwork) => {
    const before = served.get(network.id);
    if (before !== undefined) end(before);
    const { promise, resolve } = Promise.withResolvers<NameListener | undefined>();
    const entry: Served = {
      network,
      table: new MemberTable(network.name),
      contains: containment([network.cidr, network.ipv6?.cidr]),
      servers: new Map<string, readonly string[]>(),
      opening: promise,
    };
    served.set(network.id, entry);
    for (const member of members.members(network.id)) join(entry, member);
    // Behind the end of the one before, whose port it takes.
    void Promise.all([before?.opening]).then(() => resolve(open(entry)));
  };

  const follow = (change: MembersChange) => {
    const entry = served.get(change.network.id);
    if (change.kind === 'network-added') begin(change.network);
    else if (entry === undefined) return;
    else if (change.kind === 'network-removed') end(entry);
    else if (change.kind === 'joined') join(entry, change.member);
    else if (change.kind === 'left') {
      entry.table.remove(change.member.container);
      entry.servers.delete(change.member.container);
    }
  };

  for (const network of members.networks()) begin(network);
  const unfollow = members.onChange(follow);
  return {
    async ready() {
      await Promise.all([...served.values()].map(({ opening }) => opening));
    },
    async resolver(network) {
      const entry = served.get(network);
      return (await entry?.opening) === undefined ? undefined : entry?.network.gateway;
    },
    close() {
      unfollow();
      for (const { opening } of served.values()) void opening.then((listener) => listener?.close());
      served.clear();
      forwarder.close();
    },
  };
}

/** Whether an address is in one of these networks, such as 10.91.0.0/16. */
function containment(subnets: readonly (string | undefined)[]): (address: string) => boolean {
  const family = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix = ''] = subnet?.split('/') ?? [];
    if (address !== '') list.addSubnet(address, Number(prefix), family(address));
  }
  return (candidate) => list.check(candidate, family(candidate));
}
