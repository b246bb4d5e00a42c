/** Where the containers of one network ask: a port of its gateway, over UDP and TCP. */
import type { Query } from './message.ts';
import { listenTcp } from './tcp-listener.ts';
import { listenUdp } from './udp-listener.ts';

export interface NameListener {
  readonly port: number;
  close(): void;
}

export interface ListenerOptions {
  readonly address: string;
  /** 0: the kernel picks one, the same for both protocols. */
  readonly port: number;
  /** Whether one who asks from there is answered at all. */
  readonly admits: (address: string) => boolean;
  /** Answers a question within so many bytes; undefined: not at all. Never rejects. */
  readonly answer: (
    bytes: Buffer,
    from: string,
    limit: (query: Query) => number,
  ) => Promise<Buffer | undefined> | Buffer | undefined;
}

/** Opens it. Rejects with the errors of bind(2). */
export async function listenForQuestions(options: ListenerOptions): Promise<NameListener> {
  const tcp = await listenTcp(options);
  try {
    const udp = await listenUdp({ ...options, port: tcp.port });
    return {
      port: tcp.port,
      close: () => {
        udp.close();
        tcp.close();
      },
    };
  } catch (error) {
    tcp.close();
    throw error;
  }
}
