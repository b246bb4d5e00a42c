import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { PortListener } from './listening.ts';
import { openPortListener } from './port-listener.ts';

const open = async (protocol: 'tcp' | 'udp'): Promise<PortListener> =>
  await openPortListener({ hostIp: '127.0.0.1', hostPort: 0, containerPort: 1, protocol });

/** Waits until a connection is over; a reset is as good as an end. */
async function closed(client: Socket): Promise<void> {
  client.on('error', () => undefined);
  client.resume();
  await new Promise<void>((resolve) => client.once('close', () => resolve()));
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

test('TCP: every byte passes both ways, and each direction ends for itself', async () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let received = 0;
    socket.on('data', (data) => {
      received += data.length;
    });
    socket.on('end', () => socket.end(`${received}${'x'.repeat(500_000)}`)); // the client has ended its side
  });
  const listener = await open('tcp');
  listener.setTarget({ host: '127.0.0.1', port: await listen(server) });
  const client = connect({ host: '127.0.0.1', port: listener.port, allowHalfOpen: true });
  client.end('y'.repeat(1_000_000));
  assert.equal((await text(client)).length, 500_007);
  listener.close();
  server.close();
});

test('TCP: without a target connections are reset', async () => {
  const listener = await open('tcp');
  const client = connect({ host: '127.0.0.1', port: listener.port });
  const [error] = await once(client, 'error').catch((reason: unknown) => [reason]);
  assert.equal(error.code, 'ECONNRESET');
  listener.close();
});

test('TCP: a target where nobody listens ends the connection', async () => {
  const server = createServer();
  const port = await listen(server);
  server.close();
  const listener = await open('tcp');
  listener.setTarget({ host: '127.0.0.1', port });
  const client = connect({ host: '127.0.0.1', port: listener.port });
  await closed(client);
  listener.close();
});

test('TCP: close ends what goes through and frees the port', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  const listener = await open('tcp');
  listener.setTarget({ host: '127.0.0.1', port: await listen(server) });
  const client = connect({ host: '127.0.0.1', port: listener.port });
  const end = closed(client);
  await once(server, 'connection');
  listener.close();
  await end;
  const again = createServer();
  await once(again.listen(listener.port, '127.0.0.1'), 'listening');
  again.close();
  server.close();
});

test('UDP: clients are told apart, and another target gets what comes later', async () => {
  const servers = await Promise.all(
    ['first', 'second'].map(async (name) => {
      const socket = createSocket('udp4');
      socket.on('message', (data, from) => socket.send(`${name} ${data}`, from.port, from.address));
      await once(socket.bind(0, '127.0.0.1'), 'listening');
      return socket;
    }),
  );
  const listener = await open('udp');
  const clients = [createSocket('udp4'), createSocket('udp4')];
  const ask = async (index: number, words: string): Promise<string> => {
    const answer = once(clients[index] ?? assert.fail(), 'message');
    clients[index]?.send(words, listener.port, '127.0.0.1');
    return String((await answer)[0]);
  };
  listener.setTarget({ host: '127.0.0.1', port: servers[0]?.address().port ?? 0 });
  assert.deepEqual(await Promise.all([ask(0, 'a'), ask(1, 'b')]), ['first a', 'first b']);
  listener.setTarget({ host: '127.0.0.1', port: servers[1]?.address().port ?? 0 });
  assert.equal(await ask(0, 'c'), 'second c');
  listener.close();
  for (const socket of [...servers, ...clients]) socket.close();
});

test('a port that is taken is told by EADDRINUSE', async () => {
  for (const protocol of ['tcp', 'udp'] as const) {
    const listener = await open(protocol);
    await assert.rejects(openPortListener({ hostIp: '', hostPort: listener.port, containerPort: 1, protocol }), {
      code: 'EADDRINUSE',
    });
    listener.close();
  }
});

test('UDP: a port that is taken costs no socket', async () => {
  const holder = createSocket('udp4').bind({ address: '127.0.0.1', port: 0, exclusive: true });
  await once(holder, 'listening');
  const request = { hostIp: '127.0.0.1', hostPort: holder.address().port, containerPort: 1, protocol: 'udp' } as const;
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 3; i++) await assert.rejects(openPortListener(request), { code: 'EADDRINUSE' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(readdirSync('/proc/self/fd').length, before);
  holder.close();
});
