import assert from 'node:assert/strict';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { afterEach, test } from 'node:test';
import { code, collect, data, eventually, TestServers, TestService } from '../../../test/support/rpc.ts';
import { Code, K3cError } from '../errors.ts';
import { Connection, createClient } from './client.ts';
import { frame } from './frames.ts';
import type { Metadata } from './types.ts';

const servers = new TestServers();
afterEach(() => servers.closeAll());

test('an answer before the half-close ends the call and frees the stream on both sides', async () => {
  const { client, streams } = await servers.serve({
    both: async (call) => {
      await call.send(data('enough'));
    },
  });
  const call = client.both();
  for (let i = 0; i < 20; i++) void call.send({ data: Buffer.alloc(100_000) });
  assert.deepEqual((await collect(call)).map(String), ['enough']);
  await assert.rejects(call.send(data('more')), K3cError);
  const silent = client.both();
  assert.deepEqual((await collect(silent)).map(String), ['enough']);
  await eventually(() => streams.size === 0, 'the server has no stream left');
});

test('a large answer before the half-close arrives whole though the caller is slow and still sending', async () => {
  const chunk = Buffer.alloc(64 << 10, 5);
  const { client } = await servers.serve({
    both: async (call) => {
      for (let i = 0; i < 200; i++) await call.send({ data: chunk });
    },
  });
  const call = client.both();
  await call.send(data('x'));
  let length = 0;
  for await (const message of call) {
    length += message.data.length;
    if (length % (20 * chunk.length) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(length, 200 * chunk.length);
});

test('cancel, a break, an abort and a closed connection each abort the handler, with a K3cError', async () => {
  const reasons: unknown[] = [];
  const { client, server } = await servers.serve({
    both: async (call) => {
      await call.send(data('hello'));
      await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve()));
      reasons.push(call.signal.reason);
    },
  });
  const cancelled = client.both();
  await assert.rejects(async () => {
    for await (const _ of cancelled) cancelled.cancel();
  }, code(Code.CANCELLED));
  for await (const _ of client.both()) break;
  const controller = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of client.both({ signal: controller.signal })) controller.abort();
  }, code(Code.CANCELLED));
  await assert.rejects(async () => {
    for await (const _ of client.both()) server.connection.close();
  }, code(Code.UNAVAILABLE));
  await eventually(() => reasons.length === 4, 'four handlers were aborted');
  assert.ok(reasons.every(code(Code.CANCELLED)));
});

test('breaking out of the responses resets the stream with CANCEL', async () => {
  let rst: number | undefined;
  const { client } = await servers.serveRaw((stream) => {
    stream.on('error', () => undefined);
    stream.on('close', () => {
      rst = stream.rstCode;
    });
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.write(frame(Buffer.from('a')));
  });
  for await (const _ of client.down({})) break;
  await eventually(() => rst !== undefined, 'the stream was closed');
  assert.equal(rst, constants.NGHTTP2_CANCEL);
});

test('an aborted signal rejects without a call, and listeners are gone after one', async () => {
  let calls = 0;
  const { client } = await servers.serve({
    unary: async (request) => {
      calls++;
      return request;
    },
  });
  const aborted = AbortSignal.abort();
  await assert.rejects(client.unary({}, { signal: aborted }), code(Code.CANCELLED));
  await assert.rejects(collect(client.down({}, { signal: aborted })), code(Code.CANCELLED));
  assert.throws(() => client.both({ signal: aborted }), code(Code.CANCELLED));
  assert.equal(calls, 0);
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  for (let i = 0; i < 20; i++) await client.unary({}, { signal });
  await eventually(() => listeners === 0, 'every listener was removed');
});

test('a deadline ends the call on both sides, even when the handler does not care', async () => {
  let reason: unknown;
  const { client } = await servers.serve({
    unary: (_request, call) =>
      new Promise(() => {
        call.signal.addEventListener('abort', () => {
          reason = call.signal.reason;
        });
      }),
  });
  const started = performance.now();
  await assert.rejects(client.unary({}, { timeoutMs: 60 }), code(Code.DEADLINE_EXCEEDED));
  assert.ok(performance.now() - started < 2000);
  await eventually(() => reason !== undefined, 'the handler was aborted');
});

test('the server keeps a deadline by itself', async () => {
  const { client } = await servers.serve({ unary: () => new Promise(() => undefined) });
  const metadata: Metadata = [['grpc-timeout', '50m']];
  await assert.rejects(client.unary({}, { metadata }), code(Code.DEADLINE_EXCEEDED));
});

test('a cut call is told from an answered one', async () => {
  const header = { ':status': 200, 'content-type': 'application/grpc' };
  const cases: [Code, (stream: ServerHttp2Stream) => void][] = [
    [Code.UNAVAILABLE, (stream) => stream.session?.destroy()],
    [Code.CANCELLED, (stream) => stream.close(constants.NGHTTP2_CANCEL)],
    [Code.UNAVAILABLE, (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    [Code.INTERNAL, (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    [Code.UNAVAILABLE, (stream) => stream.respond({ ':status': 503 }, { endStream: true })],
    [
      Code.INTERNAL,
      (stream) => {
        stream.respond(header);
        stream.end(frame(Buffer.from('no trailers')));
      },
    ],
    [
      Code.INTERNAL,
      (stream) => {
        stream.respond(header, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(frame(Buffer.from('cut off')).subarray(0, 8));
      },
    ],
    [
      Code.INTERNAL,
      (stream) => {
        stream.respond({ ...header, 'grpc-status': '0' }, { endStream: true });
      },
    ],
  ];
  for (const [index, [expected, handle]] of cases.entries()) {
    const { client } = await servers.serveRaw((stream) => {
      stream.on('error', () => undefined);
      stream.resume();
      stream.on('end', () => handle(stream));
    });
    await assert.rejects(client.unary({}), code(expected), `case ${index}`);
  }
});

test('nobody listening is UNAVAILABLE with a hint, a lost connection is dialled again', async () => {
  const nobody = createClient(TestService, Connection.unix('/tmp/k3c-there-is-no-such-socket'));
  await assert.rejects(nobody.unary({}), (error) => {
    assert.ok(error instanceof K3cError);
    assert.deepEqual([error.code, error.reason], [Code.UNAVAILABLE, 'daemon-unreachable']);
    return true;
  });
  const { client, server } = await servers.serve({ unary: async (request) => request });
  await client.unary(data('a'));
  for (const session of server.sessions) session.destroy();
  await eventually(() => server.sessions.size === 0, 'the session is gone');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await client.unary(data('b'))).data.toString(), 'b');
});

test('after GOAWAY calls under way end well and new ones go over a new connection', async () => {
  let release: (() => void) | undefined;
  const { client, server } = await servers.serve({
    unary: async (request) => {
      if (request.data.toString() === 'wait') {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      return request;
    },
  });
  const waiting = client.unary(data('wait'));
  await eventually(() => release !== undefined, 'the call is being served');
  for (const session of server.sessions) session.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await client.unary(data('new'))).data.toString(), 'new');
  assert.equal(server.sessions.size, 2);
  release?.();
  assert.equal((await waiting).data.toString(), 'wait');
});
