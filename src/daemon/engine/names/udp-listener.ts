import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { ListenerOptions, NameListener } from './listening.ts';
import { PLAIN_UDP_BYTES, type Query } from './message.ts';

/** A burst that comes while the daemon is busy waits here; the kernel gives less where net.core.rmem_max says so. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** Whatever a client says it takes: more comes in pieces, of which one is easily lost. */
const LARGEST_BYTES = 4096;

/** Answers questions that come as datagrams. */
export async function listenUdp({ address, port, admits, answer }: ListenerOptions): Promise<NameListener> {
  const socket = createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    // Only addresses come here: looking them up would cost each answer a turn of the loop.
    lookup: (name, _, callback) => callback(null, name, isIPv6(name) ? 6 : 4),
  });
  // Before bind(), which with such a look-up is done when it returns.
  const listening = once(socket, 'listening');
  socket.bind({ address, port, exclusive: true });
  try {
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  let open = true;
  // Errors of single datagrams: whoever asked is gone, or asks again.
  const ignore = () => undefined;
  socket.on('error', ignore);
  socket.on('message', (bytes, from) => {
    if (from.port === 0 || !admits(from.address)) return;
    const send = (message: Buffer | undefined) => {
      if (message !== undefined && open) socket.send(message, from.port, from.address, ignore);
    };
    const answered = answer(bytes, from.address, largest);
    if (answered instanceof Promise) void answered.then(send);
    else send(answered);
  });
  return {
    port: socket.address().port,
    close: () => {
      open = false;
      socket.close();
    },
  };
}

function largest({ edns }: Query): number {
  return Math.min(edns?.udpBytes ?? PLAIN_UDP_BYTES, LARGEST_BYTES);
}
