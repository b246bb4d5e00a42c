import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { BindAddress, PortListener, ProxyTarget } from './listening.ts';

/** A client that says nothing for so long is forgotten, as docker's proxy does it. */
const idleMs = 90_000;
/** Clients of one port at a time; the longest silent one goes first. Each costs a socket. */
const clientLimit = 1024;

interface Client {
  readonly upstream: Socket;
  lastSeen: number;
}

/** Listens on a UDP port and passes datagrams on to the target, with a socket per client for the answers. */
export async function listenUdp({ host, port, dualStack }: BindAddress): Promise<PortListener> {
  const server = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', ipv6Only: isIPv6(host) && !dualStack });
  server.bind({ address: host, port, exclusive: true });
  try {
    await once(server, 'listening'); // rejects with the error when there is one
  } catch (error) {
    server.close();
    throw error;
  }

  let target: ProxyTarget | undefined;
  const clients = new Map<string, Client>();
  const drop = (key: string): void => {
    clients.get(key)?.upstream.close();
    clients.delete(key);
  };
  const dropAll = (): void => {
    for (const key of [...clients.keys()]) drop(key);
  };
  // Errors of single datagrams (an ICMP answer to one) concern one client and are as lost as the datagram.
  server.on('error', () => undefined);
  server.on('message', (data, from) => {
    if (target === undefined) return;
    const key = `${from.address} ${from.port}`;
    const client = clients.get(key) ?? openClient(server, target, from, () => drop(key));
    client.lastSeen = Date.now();
    clients.delete(key); // to the end: the map's order is that of silence
    clients.set(key, client);
    const [silent] = clients.keys();
    if (clients.size > clientLimit && silent !== undefined) drop(silent);
    client.upstream.send(data, target.port, target.host);
  });
  const sweep = setInterval(() => {
    for (const [key, { lastSeen }] of clients) if (Date.now() - lastSeen > idleMs) drop(key);
  }, idleMs / 3);
  sweep.unref();
  return {
    port: server.address().port,
    setTarget: (next) => {
      target = next;
      dropAll();
    },
    close: () => {
      clearInterval(sweep);
      dropAll();
      server.close();
    },
  };
}

function openClient(server: Socket, target: ProxyTarget, from: RemoteInfo, onFailure: () => void): Client {
  const upstream = createSocket('udp4');
  const client: Client = { upstream, lastSeen: Date.now() };
  upstream.on('error', onFailure);
  upstream.on('message', (data, { address, port }) => {
    if (address !== target.host || port !== target.port) return;
    client.lastSeen = Date.now();
    server.send(data, from.port, from.address);
  });
  return client;
}
