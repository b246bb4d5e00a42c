/** Where the containers of one network ask: a port of its gateway, over UDP and TCP. */
import type { ListenerOptions, NameListener } from './listening.ts';
import { listenTcp } from './tcp-listener.ts';
import { listenUdp } from './udp-listener.ts';

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
