/**
 * ask tcp|udp HOST PORT: prints what the server answers, or the code of the failure; TIMEOUT after a second.
 * Also a module, for asking from the test's own namespace.
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

const patienceMs = 1000;

/** Connects, reads to the end. */
export async function askTcp(host: string, port: number): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    let answer = '';
    socket.setTimeout(patienceMs, () => {
      socket.destroy();
      resolve('TIMEOUT');
    });
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('end', () => {
      socket.destroy();
      resolve(answer);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

/** Sends one datagram and waits for one. `sourcePort` 0 takes any. */
export async function askUdp(host: string, port: number, sourcePort = 0): Promise<string> {
  return await new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const finish = (answer: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('TIMEOUT'), patienceMs);
    socket.on('message', (data) => finish(data.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    socket.bind(sourcePort, () => socket.send('ask', port, host));
  });
}

if (import.meta.main) {
  const [protocol, host = '', port = ''] = process.argv.slice(2);
  process.stdout.write(await (protocol === 'udp' ? askUdp : askTcp)(host, Number(port)));
}
