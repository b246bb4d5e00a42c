/** One question to one server, over UDP and over TCP. */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { fits, isTruncated } from './message.ts';

const PORT = 53;

/** A server: an address, or for tests an address with a port. */
export interface Server {
  readonly address: string;
  readonly port?: number;
}

export interface Ask {
  readonly server: Server;
  /** With its id and spelling: an answer must have both. */
  readonly message: Buffer;
  readonly questionEnd: number;
  /** Ends the question: with its time, or with the daemon. */
  readonly signal: AbortSignal;
}

/**
 * Asks over UDP from a port of its own, then over TCP where the answer is cut short or misspells the name (a forger's guess, or a
 * server that does not keep the case of letters; a connection cannot be forged from aside). Rejects with the errors of sockets,
 * and with the signal's reason.
 */
export async function askServer(ask: Ask): Promise<Buffer> {
  const answer = await overUdp(ask);
  return answer === undefined || isTruncated(answer) ? await overTcp(ask) : answer;
}

/** Undefined: only a connection will tell. */
function overUdp({ server, message, questionEnd, signal }: Ask): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  if (signal.aborted) return Promise.reject(signal.reason);
  const socket = createSocket({
    type: isIPv6(server.address) ? 'udp6' : 'udp4',
    lookup: (name, _, callback) => callback(null, name, isIPv6(name) ? 6 : 4),
  });
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('error', reject);
  socket.on('message', (answer) => {
    const fit = fits(answer, message, questionEnd);
    if (fit !== 'no') resolve(fit === 'yes' ? answer : undefined);
  });
  // Connected: the kernel lets nobody else's datagrams in, and tells of a port that nobody listens on.
  socket.once('connect', () => {
    socket.send(message, (error) => {
      if (error !== null) reject(error);
    });
  });
  socket.connect(server.port ?? PORT, server.address);
  return promise.finally(() => {
    signal.removeEventListener('abort', onAbort);
    socket.close();
  });
}

function overTcp({ server, message, questionEnd, signal }: Ask): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  if (signal.aborted) return Promise.reject(signal.reason);
  const socket = connect({ host: server.address, port: server.port ?? PORT, noDelay: true });
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('error', reject);
  socket.once('close', () => reject(new Error(`${server.address} ended the connection without an answer`)));
  let received = Buffer.alloc(0);
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    const answer = received.subarray(2, 2 + received.readUInt16BE(0));
    if (fits(answer, message, questionEnd) !== 'no') resolve(answer);
    else reject(new Error(`${server.address} answered another question`));
  });
  socket.write(framed(message));
  return promise.finally(() => {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  });
}

/** A message as connections carry it: behind its length (RFC 1035, 4.2.2). */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
