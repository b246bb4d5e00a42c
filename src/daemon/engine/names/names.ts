/** The names of containers: what others call. One for a daemon; every network that it serves has a listener and a table. */
import { BlockList, isIPv6 } from 'node:net';
import type { Log } from '../../../host/log.ts';
import { Forwarder } from './forwarder.ts';
import { listenForQuestions, type NameListener } from './listener.ts';
import { MemberTable } from './member-table.ts';
import type { NamedNetwork, NetworkMember } from './members.ts';
import { HostResolverFile, type HostResolverPaths } from './resolv-conf.ts';
import { type ResponderOptions, respond } from './responder.ts';

export interface NamesOptions {
  readonly log: Log;
  readonly hostResolverPaths?: HostResolverPaths;
  /** Port of the servers that are asked; for tests. */
  readonly serverPort?: number;
}

export interface Names {
  /**
   * Begins to serve a network, on the first of the ports that is free on its gateway, and returns that port. Undefined, with a
   * warning, where none is: containers then keep the host's resolvers. A network that is served already is an error.
   */
  serve(network: NamedNetwork, ports: readonly number[]): Promise<number | undefined>;
  /** Ends that; one that is not served is fine. */
  withdraw(network: string): void;
  /** The gateway to put into resolv.conf; undefined for a network that is not served. */
  resolver(network: string): string | undefined;
  /** Makes a member known, or replaces what was known. It counts from the next question on. A network that is not served is fine. */
  put(network: string, member: NetworkMember): void;
  /** Forgets a member of one network, or of all. */
  remove(id: string, network?: string): void;
  /** Gives a member its new name on all of its networks. */
  renamed(id: string, name: string): void;
  /** Ends all. */
  close(): void;
}

interface Served {
  readonly network: NamedNetwork;
  readonly table: MemberTable;
  readonly listener: NameListener;
}

/** Makes it. Nothing is served before serve(). */
export function createNames({ log, hostResolverPaths, serverPort }: NamesOptions): Names {
  const networks = new Map<string, Served>();
  const forwarder = new Forwarder({ log, ...(serverPort === undefined ? {} : { port: serverPort }) });
  const file = new HostResolverFile(hostResolverPaths);
  const isOurs = (address: string) => [...networks.values()].some(({ network }) => network.gateway === address);

  const open = async (network: NamedNetwork, table: MemberTable, port: number): Promise<NameListener> => {
    const contains = containment(network.subnet);
    const responder: ResponderOptions = {
      table,
      contains,
      forwarder,
      hostResolvers: () => file.now(),
      internal: network.internal ?? false,
      isOurs,
    };
    return await listenForQuestions({
      address: network.gateway,
      port,
      admits: contains,
      answer: (bytes, from, limit) => respond(responder, bytes, from, limit),
    });
  };

  return {
    async serve(network, ports) {
      const table = new MemberTable(network.name);
      for (const port of ports) {
        try {
          const listener = await open(network, table, port);
          networks.set(network.name, { network, table, listener });
          return listener.port;
        } catch (err) {
          const { code = '' } = err as NodeJS.ErrnoException;
          if (!['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'].includes(code)) throw err;
          log.debug({ err, network: network.name, port }, 'cannot serve names on this port');
        }
      }
      log.warn(
        { network: network.name, gateway: network.gateway, ports },
        'cannot serve names on this network: its containers do not know each other by name, and ask the resolvers of the host',
      );
      return undefined;
    },
    withdraw(name) {
      networks.get(name)?.listener.close();
      networks.delete(name);
    },
    resolver: (name) => networks.get(name)?.network.gateway,
    put: (name, member) => networks.get(name)?.table.put(member),
    remove(id, name) {
      for (const [key, { table }] of networks) if (name === undefined || key === name) table.remove(id);
    },
    renamed(id, name) {
      for (const { table } of networks.values()) {
        const member = table.get(id);
        if (member !== undefined) table.put({ ...member, name });
      }
    },
    close() {
      for (const { listener } of networks.values()) listener.close();
      networks.clear();
      forwarder.close();
    },
  };
}

/** Whether an address is in a network such as 10.91.0.0/16. */
function containment(subnet: string): (address: string) => boolean {
  const [address = '', prefix = ''] = subnet.split('/');
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
  return (candidate) => list.check(candidate, isIPv6(candidate) ? 'ipv6' : 'ipv4');
}
