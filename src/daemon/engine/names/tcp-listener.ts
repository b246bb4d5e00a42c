import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { framed } from './ask-server.ts';
import type { ListenerOptions, NameListener } from './listening.ts';

const LARGEST_BYTES = 65_535;
const CONNECTIONS = 256;
/** Of one client: one that opens many must leave some to the others. */
const CONNECTIONS_OF_ONE = 32;
const IDLE_MS = 10_000;
/** Questions of one connection at once; it is not read on while so many wait. */
const AT_ONCE = 16;

/** Answers questions that come over connections, several on each and in any order (RFC 7766). */
export async function listenTcp(options: ListenerOptions): Promise<NameListener> {
  const { address, port, admits } = options;
  const open = new Map<Socket, string>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const from = socket.remoteAddress ?? '';
    const own = [...open.values()].filter((each) => each === from).length;
    if (!admits(from) || own >= CONNECTIONS_OF_ONE) {
      socket.destroy();
      return;
    }
    open.set(socket, from);
    socket.once('close', () => open.delete(socket));
    serve(socket, from, options);
  });
  server.maxConnections = CONNECTIONS;
  server.listen({ host: address, port });
  await once(server, 'listening');
  // One connection that could not be accepted, for want of file descriptors: it is lost, the port is not.
  server.on('error', () => undefined);
  const bound = server.address();
  return {
    port: bound !== null && typeof bound === 'object' ? bound.port : port,
    close: () => {
      server.close();
      for (const socket of open.keys()) socket.destroy();
    },
  };
}

function serve(socket: Socket, from: string, { answer }: ListenerOptions): void {
  let received = Buffer.alloc(0);
  let waiting = 0;
  let ended = false;
  const takeQuestions = () => {
    while (waiting < AT_ONCE && received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      waiting++;
      void reply(received.subarray(2, end));
      received = received.subarray(end);
    }
    if (waiting >= AT_ONCE) socket.pause();
    else if (socket.isPaused()) socket.resume();
    if (ended && waiting === 0) socket.end();
  };
  const reply = async (question: Buffer) => {
    const message = await answer(question, from, () => LARGEST_BYTES);
    if (message !== undefined && socket.writable) socket.write(framed(message));
    waiting--;
    takeQuestions();
  };
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  // A client that went away.
  socket.on('error', () => socket.destroy());
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
    takeQuestions();
  });
  socket.on('end', () => {
    ended = true;
    takeQuestions();
  });
}
