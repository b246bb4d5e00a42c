import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, lstat, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { connect as connectSocket, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { answerOf, fieldOf, type GatewayRig, requestFields, startGateway } from '../../../test/support/gateway.ts';
import { eventually, TestService } from '../../../test/support/rpc.ts';
import { Code, hasCode } from '../../api/errors.ts';
import { Connection, createClient } from '../../api/rpc/client.ts';
import { RpcServer } from '../../api/rpc/server.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import { silentLog } from '../../host/log.ts';
import { createGateway } from './gateway.ts';

const rigs: GatewayRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

async function start(options: Parameters<typeof startGateway>[0] = {}): Promise<GatewayRig> {
  const rig = await startGateway(options);
  rigs.push(rig);
  return rig;
}

type Unary = Handlers<typeof TestService>['unary'];

/** The service with one method alone. */
const serving = (unary: Unary) => ({ unary }) as Handlers<typeof TestService>;
const echo = serving(async (request) => request);

/** Sends bytes and resolves with what came back when the gateway closed the connection. */
async function send(path: string, bytes: Buffer): Promise<Buffer> {
  const socket = connectSocket(path);
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(received);
}

test('the socket has its mode and group from the first moment, and nothing else is left beside it', async () => {
  const rig = await start({ group: 'daemon' });
  const stat = await lstat(rig.socketPath);
  assert.ok(stat.isSocket());
  assert.equal(stat.mode & 0o777, 0o660);
  const gid = /^daemon:[^:]*:(\d+):/m.exec(await readFile('/etc/group', 'utf8'))?.[1];
  assert.equal(stat.gid, Number(gid));
  assert.deepEqual((await readdir(rig.directory)).sort(), ['k3c.sock', 'kubelet.sock']);
  await rig.gateway.close();
  assert.deepEqual(await readdir(rig.directory), []);
});

test('a stale socket is replaced, a live one and a file are refused', async () => {
  const rig = await start();
  const options = { rpc: new RpcServer(), upstreams: { containerd: '/x', buildkitd: '/x' }, log: silentLog };
  const second = createGateway({ ...options, socketPath: rig.socketPath });
  await assert.rejects(second.listen(), (error) => hasCode(error, Code.ALREADY_EXISTS));
  const file = join(rig.directory, 'file');
  await writeFile(file, 'precious');
  await assert.rejects(createGateway({ ...options, socketPath: file }).listen(), (error) =>
    hasCode(error, Code.FAILED_PRECONDITION),
  );
  assert.equal(await readFile(file, 'utf8'), 'precious');
  const stale = join(rig.directory, 'stale');
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(join(rig.directory, 'other'), resolve));
  // Moved away, it is not there for node to remove at close: what a killed daemon leaves.
  await rename(join(rig.directory, 'other'), stale);
  await new Promise((resolve) => dead.close(resolve));
  assert.ok((await lstat(stale)).isSocket());
  const third = createGateway({ ...options, socketPath: stale });
  await third.listen();
  // The first gateway still answers, and the third closes only its own socket.
  await third.close();
  await assert.rejects(lstat(stale));
  assert.ok((await lstat(rig.socketPath)).isSocket());
  const long = join(rig.directory, 'x'.repeat(100));
  await assert.rejects(createGateway({ ...options, socketPath: long }).listen(), (error) =>
    hasCode(error, Code.INVALID_ARGUMENT),
  );
});

test('closing leaves a socket that another daemon has put in its place', async () => {
  const rig = await start();
  const other = createServer();
  const path = join(rig.directory, 'next');
  await new Promise<void>((resolve) => other.listen(path, resolve));
  await rename(path, rig.socketPath);
  await chmod(rig.socketPath, 0o600);
  await rig.gateway.close();
  assert.equal((await lstat(rig.socketPath)).mode & 0o777, 0o600);
  await new Promise((resolve) => other.close(resolve));
});

test('clients that send garbage or nothing are closed, and hurt nobody else', async () => {
  const rig = await start({ prefaceTimeoutMs: 300 });
  rig.rpc.add(TestService, echo);
  const connection = Connection.unix(rig.socketPath);
  const client = createClient(TestService, connection);
  await client.unary({ data: Buffer.from('before') });
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const garbage = [
    Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
    Buffer.from('160301020001', 'hex'), // a TLS hello
    Buffer.alloc(100_000, 0xa5),
    Buffer.from('\n'),
    preface.subarray(0, 10), // and then silence
    Buffer.alloc(0),
    preface, // no SETTINGS follow
    Buffer.concat([preface, Buffer.from('000004ff00000000ff00000000', 'hex')]), // a frame of no type
    Buffer.concat([
      preface,
      Buffer.from('000000040000000000', 'hex'),
      Buffer.from('00000a010400000001', 'hex'),
      Buffer.alloc(10, 0xff),
    ]), // bad HPACK
    Buffer.concat([preface, Buffer.from('000000040000000000', 'hex'), Buffer.from('ffffff000000000001', 'hex')]), // a frame of 16 MB
    Buffer.concat([
      preface,
      Buffer.from('000000040000000000', 'hex'),
      Buffer.from('0000040800000000007fffffff', 'hex'),
      Buffer.from('0000040800000000007fffffff', 'hex'),
    ]), // window overflow
  ];
  const started = performance.now();
  await Promise.all(garbage.map((bytes) => send(rig.socketPath, bytes)));
  assert.ok(performance.now() - started < 5000);
  assert.equal((await client.unary({ data: Buffer.from('after') })).data.toString(), 'after');
  // A connection that spoke HTTP/2 may be silent as long as it likes.
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal((await client.unary({ data: Buffer.from('later') })).data.toString(), 'later');
  connection.close();
});

test('malformed requests end alone', async () => {
  const rig = await start();
  await rig.upstream('containerd', (stream) =>
    stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true }),
  );
  const session = rig.dial();
  const get = session.request({ ':method': 'GET', ':path': '/k3c.v1.Test/Unary' });
  assert.equal(fieldOf((await answerOf(get)).headers, ':status'), '415');
  const head = session.request({ ':method': 'HEAD', ':path': '/x' });
  await answerOf(head);
  const fine = session.request(requestFields('/runtime.v1.RuntimeService/Version'), { endStream: true });
  assert.equal(fieldOf((await answerOf(fine)).headers, 'grpc-status'), '0');
});

test('a fault in taking a call ends that call alone', async () => {
  const faulty = new RpcServer();
  const handle = faulty.handle.bind(faulty);
  faulty.handle = (stream, raw) => {
    if (fieldOf(raw, 'x-fault') !== undefined) throw new Error('a bug');
    handle(stream, raw);
  };
  const rig = await start({ rpc: faulty.add(TestService, echo) });
  const session = rig.dial();
  const bad = await answerOf(session.request(requestFields('/k3c.v1.Test/Unary', 'x-fault', '1'), { endStream: true }));
  assert.equal(bad.rstCode, 2);
  const good = session.request(requestFields('/k3c.v1.Test/Unary'));
  good.end(Buffer.from([0, 0, 0, 0, 0]));
  assert.equal(fieldOf((await answerOf(good)).trailers, 'grpc-status'), '0');
});

test('draining lets calls end, refuses new connections, and cuts what takes too long', async () => {
  const rig = await start();
  let release: (() => void) | undefined;
  rig.rpc.add(
    TestService,
    serving(async (request) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return request;
    }),
  );
  const connection = Connection.unix(rig.socketPath);
  const client = createClient(TestService, connection);
  const call = client.unary({ data: Buffer.from('last') });
  await eventually(() => release !== undefined, 'the call is being served');
  const drained = rig.gateway.drain(5000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await assert.rejects(createClient(TestService, Connection.unix(rig.socketPath)).unary({}), (error) =>
    hasCode(error, Code.UNAVAILABLE),
  );
  release?.();
  assert.equal((await call).data.toString(), 'last');
  const started = performance.now();
  await drained;
  assert.ok(performance.now() - started < 1000, 'drain ends with the last call, not with its time');
  connection.close();

  const second = await start();
  second.rpc.add(
    TestService,
    serving(() => new Promise(() => undefined)),
  );
  const other = Connection.unix(second.socketPath);
  const stuck = createClient(TestService, other).unary({});
  const outcome = assert.rejects(stuck, (error) => hasCode(error, Code.UNAVAILABLE));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await second.gateway.drain(100);
  await outcome;
  assert.deepEqual(await readdir(second.directory), []);
});

test('listen that is aborted leaves nothing', async () => {
  const rig = await start();
  const gateway = createGateway({
    socketPath: join(rig.directory, 'two.sock'),
    rpc: new RpcServer(),
    upstreams: { containerd: '/x', buildkitd: '/x' },
    log: silentLog,
  });
  await assert.rejects(gateway.listen(AbortSignal.abort()));
  assert.ok(!(await readdir(rig.directory)).includes('two.sock'));
});
