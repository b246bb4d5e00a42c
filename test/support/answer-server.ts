/** answer-server NAME HOST PORT: answers every TCP connection and UDP datagram with "NAME CLIENT_ADDRESS". */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6 } from 'node:net';

const [name = '', host = '', port = ''] = process.argv.slice(2);
const tcp = createServer((socket) => {
  socket.on('error', () => undefined); // a client that goes away
  socket.end(`${name} ${socket.remoteAddress}`);
});
const udp = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
udp.on('message', (_, from) => udp.send(`${name} ${from.address}`, from.port, from.address));
tcp.listen(Number(port), host);
udp.bind(Number(port), host);
await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
process.stdout.write('listening\n');
