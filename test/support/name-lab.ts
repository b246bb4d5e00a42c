/** Servers and clients for tests of names, on the loopback device. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { type DecodedPacket, decode, encode, type Packet } from 'dns-packet';

/** What a server says to a question: an answer, its bytes, or nothing. */
export type Speech = (query: DecodedPacket, over: 'udp' | 'tcp', bytes: Buffer) => Partial<Packet> | Buffer | undefined;

/** A server that says what the test wants. */
export class FakeServer {
  readonly asked: string[] = [];
  readonly port: number;
  readonly #udp: Socket;
  readonly #tcp: Server;

  private constructor(udp: Socket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.port = udp.address().port;
  }

  /** @param port 0: any */
  static async listen(address: string, port: number, speech: Speech): Promise<FakeServer> {
    const tcp = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (data: Buffer) => {
        const answer = server.#answer(data.subarray(2), 'tcp', speech);
        if (answer === undefined) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      });
    });
    await once(tcp.listen(port, address), 'listening');
    const udp = createSocket('udp4');
    udp.on('message', (bytes, from) => {
      const answer = server.#answer(bytes, 'udp', speech);
      if (answer !== undefined) udp.send(answer, from.port, from.address);
    });
    udp.bind((tcp.address() as AddressInfo).port, address);
    await once(udp, 'listening');
    const server = new FakeServer(udp, tcp);
    return server;
  }

  #answer(bytes: Buffer, over: 'udp' | 'tcp', speech: Speech): Buffer | undefined {
    const query = decode(bytes);
    this.asked.push(`${over} ${query.questions?.[0]?.name.toLowerCase()}`);
    const said = speech(query, over, bytes);
    if (said === undefined || Buffer.isBuffer(said)) return said;
    return encode({ type: 'response', id: query.id ?? 0, questions: query.questions ?? [], ...said });
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }
}

/** Asks over UDP and waits a while for the answer; undefined: none came. */
export async function askUdp(
  to: { readonly address: string; readonly port: number },
  packet: Packet | Buffer,
  options: { readonly from?: string; readonly milliseconds?: number } = {},
): Promise<DecodedPacket | undefined> {
  const socket = createSocket('udp4');
  socket.bind(0, options.from ?? '127.0.0.1');
  await once(socket, 'listening');
  socket.send(Buffer.isBuffer(packet) ? packet : encode({ type: 'query', ...packet }), to.port, to.address);
  const late = AbortSignal.timeout(options.milliseconds ?? 6000);
  try {
    const [bytes] = await once(socket, 'message', { signal: late });
    return decode(bytes);
  } catch (error) {
    if (late.aborted) return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

/** Asks several questions over one connection and returns the answers in the order in which they come. */
export async function askTcp(
  to: { readonly address: string; readonly port: number },
  packets: readonly Packet[],
): Promise<DecodedPacket[]> {
  const socket = connect({ host: to.address, port: to.port, localAddress: '127.0.0.1' });
  for (const packet of packets) {
    const bytes = encode({ type: 'query', ...packet });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    socket.write(Buffer.concat([length, bytes]));
  }
  const answers: DecodedPacket[] = [];
  let received = Buffer.alloc(0);
  for await (const data of socket) {
    received = Buffer.concat([received, data as Buffer]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      answers.push(decode(received.subarray(2, 2 + received.readUInt16BE(0))));
      received = received.subarray(2 + received.readUInt16BE(0));
    }
    if (answers.length === packets.length) break;
  }
  return answers;
}

/** A question. */
export function ask(name: string, type: 'A' | 'AAAA' | 'PTR' | 'MX' = 'A', more: Partial<Packet> = {}): Packet {
  return { id: Math.floor(Math.random() * 65_536), flags: 0x100, questions: [{ type, name }], ...more };
}
