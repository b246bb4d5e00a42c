import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { BindAddress, PortListener, ProxyTarget } from './listening.ts';

/** Listens on a TCP port and passes connections on to the target, each direction ending for itself. */
export async function listenTcp({ host, port, dualStack }: BindAddress): Promise<PortListener> {
  let target: ProxyTarget | undefined;
  const open = new Set<Socket>();
  const track = (socket: Socket): void => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  };
  // Half-open: a client that has sent everything still reads the answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (target === undefined) {
      client.on('error', () => client.destroy());
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    track(client);
    track(upstream);
    join(client, upstream);
  });
  server.listen({ host, port, ipv6Only: !dualStack });
  await once(server, 'listening'); // rejects with the error when there is one
  // One connection that could not be accepted, for want of file descriptors: it is lost, the port is not.
  server.on('error', () => undefined);
  return {
    port: (server.address() as AddressInfo).port,
    setTarget: (next) => {
      target = next;
    },
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Copies both ways; a failure of one side is passed on to the other as a reset. */
function join(client: Socket, upstream: Socket): void {
  const pairs: readonly (readonly [Socket, Socket])[] = [
    [client, upstream],
    [upstream, client],
  ];
  for (const [from, to] of pairs) {
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    from.once('close', () => {
      // Destroyed without an end: what the other side still waits for will not come.
      if (!from.readableEnded) to.destroy();
    });
  }
}
