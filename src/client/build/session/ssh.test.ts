import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toK3cError } from '../../../api/errors.ts';
import { SSHDefinition } from '../../../api/gen/github.com/moby/buildkit/session/sshforward/ssh.ts';
import { Connection, createClient } from '../../../api/rpc/client.ts';
import { RpcServer } from '../../../api/rpc/server.ts';
import { toMetadata } from '../../../api/rpc/status.ts';
import { RawCall, type RawHandler } from './raw-call.ts';
import { serveSsh } from './ssh.ts';

/** A builder's side of an agent's forwarding, and the connections that the agent got. */
async function forwarded(t: TestContext, onConnection: (socket: Socket) => void) {
  const base = mkdtempSync(join(tmpdir(), 'k3c-ssh-'));
  const sockets = new Set<Socket>();
  const agent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => sockets.delete(socket));
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => agent.listen(join(base, 'agent'), resolve));
  const streams = new Map<string, RawHandler>();
  serveSsh(new RpcServer(), streams, new Map([['default', { socket: join(base, 'agent') }]]));
  const server = createHttp2Server();
  server.on('stream', (stream, _headers, _flags, rawHeaders) => {
    const call = new RawCall(stream as ServerHttp2Stream, toMetadata(rawHeaders));
    const path = rawHeaders[rawHeaders.indexOf(':path') + 1] ?? '';
    (streams.get(path) as RawHandler)(call).then(
      () => call.finish(),
      (error: unknown) => call.finish(toK3cError(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(join(base, 'session'), resolve));
  const connection = Connection.unix(join(base, 'session'));
  t.after(() => {
    connection.close();
    server.close();
    agent.close();
    for (const socket of sockets) socket.destroy();
    rmSync(base, { recursive: true });
  });
  return { call: createClient(SSHDefinition, connection).forwardAgent(), sockets };
}

/** A request to list the keys. */
const LIST = Buffer.from([0, 0, 0, 1, 11]);

test('an agent that closes ends the call: whoever waits in the build hears of it', async (t) => {
  const { call } = await forwarded(t, (socket) => socket.once('data', () => socket.end(Buffer.from([0, 0, 0, 1, 5]))));
  await call.send({ data: LIST });
  const answers: Buffer[] = [];
  // Without a half-close of ours.
  for await (const { data } of call) answers.push(data);
  assert.deepEqual(Buffer.concat(answers), Buffer.from([0, 0, 0, 1, 5]));
});

test('a build that closes first still gets the answers, and the agent is let go', async (t) => {
  const { call, sockets } = await forwarded(t, (socket) =>
    socket.on('data', () => socket.write(Buffer.from([0, 0, 0, 1, 5]))),
  );
  await call.send({ data: LIST });
  call.end();
  const answers: Buffer[] = [];
  for await (const { data } of call) answers.push(data);
  assert.deepEqual(Buffer.concat(answers), Buffer.from([0, 0, 0, 1, 5]));
  while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});
