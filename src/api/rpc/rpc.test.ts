import assert from 'node:assert/strict';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { afterEach, test } from 'node:test';
import {
  type Bytes,
  collect,
  eventually,
  startServer,
  type TestServer,
  TestService,
} from '../../../test/support/rpc.ts';
import { Code, hasCode, K3cError } from '../errors.ts';
import { Connection, createClient } from './client.ts';
import { frame } from './frames.ts';
import { RpcServer } from './server.ts';
import type { Handlers, Metadata } from './types.ts';

type TestHandlers = Handlers<typeof TestService>;

const open: TestServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function serve(handlers: Partial<TestHandlers>, onError?: (path: string, error: K3cError) => void) {
  const rpc = new RpcServer(onError).add(TestService, handlers as TestHandlers);
  const streams = new Set<ServerHttp2Stream>();
  const server = await startServer((stream, raw) => {
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    rpc.handle(stream, raw);
  });
  open.push(server);
  return { server, streams, client: createClient(TestService, server.connection) };
}

async function serveRaw(handle: (stream: ServerHttp2Stream, raw: string[]) => void) {
  const server = await startServer(handle);
  open.push(server);
  return { server, client: createClient(TestService, server.connection) };
}

const data = (text: string): Bytes => ({ data: Buffer.from(text) });
const code = (expected: Code) => (error: unknown) => error instanceof K3cError && hasCode(error, expected);

test('a unary call brings its message there and back, metadata repeated', async () => {
  let seen: Metadata = [];
  const { client } = await serve({
    unary: async (request, call) => {
      seen = call.metadata;
      return data(`<${request.data}>`);
    },
  });
  const metadata: Metadata = [
    ['k', 'a'],
    ['k', 'b, c'],
    ['x-bin', 'AAE='],
  ];
  assert.equal((await client.unary(data('hi'), { metadata, timeoutMs: 5000 })).data.toString(), '<hi>');
  assert.deepEqual(
    seen.filter(([name]) => name === 'k' || name === 'x-bin'),
    metadata,
  );
  assert.ok(seen.some(([name, value]) => name === 'grpc-timeout' && value === '5000m'));
});

test('empty, large and a thousand concurrent messages come back as they went', async () => {
  const { client } = await serve({ unary: async (request) => request });
  for (const size of [0, 1, 16_383, 16_384, 70_000, 17 << 20]) {
    const message = Buffer.alloc(size, size & 0x7f);
    assert.ok((await client.unary({ data: message })).data.equals(message), `${size} bytes`);
  }
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.unary(data(`n${i}`))));
  assert.ok(answers.every(({ data: answer }, i) => answer.toString() === `n${i}`));
});

test('errors keep everything, before and after the first message, and reach the log', async () => {
  const logged: string[] = [];
  const fail = () => {
    throw new K3cError(Code.NOT_FOUND, 'no such thing: é', { reason: 'image-not-found', hint: 'look again' });
  };
  const { client } = await serve(
    {
      unary: async () => fail(),
      down: async (_request, call) => {
        await call.send(data('first'));
        fail();
      },
    },
    (path, error) => logged.push(`${path} ${error.code}`),
  );
  const same = (error: unknown) => {
    assert.ok(error instanceof K3cError);
    assert.deepEqual(
      [error.code, error.message, error.reason, error.hint],
      [Code.NOT_FOUND, 'no such thing: é', 'image-not-found', 'look again'],
    );
    return true;
  };
  await assert.rejects(client.unary({}), same);
  const got: string[] = [];
  await assert.rejects(async () => {
    for await (const message of client.down({})) got.push(message.data.toString());
  }, same);
  assert.deepEqual(got, ['first']);
  assert.deepEqual(logged, ['/k3c.v1.Test/Unary 5', '/k3c.v1.Test/Down 5']);
});

test('onTrailers is given every field of the status, repeated and binary ones too', async () => {
  const { client } = await serveRaw((stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '2', 'x-bin': ['AA==', 'AQ=='] },
      { endStream: true },
    );
  });
  let trailers: Metadata = [];
  await assert.rejects(
    client.unary(
      {},
      {
        onTrailers: (fields) => {
          trailers = fields;
        },
      },
    ),
    code(Code.UNKNOWN),
  );
  assert.deepEqual(
    trailers.filter(([name]) => name === 'x-bin').map(([, value]) => value),
    ['AA==', 'AQ=='],
  );
});

test('many small messages go both ways in order, more than the windows hold', async () => {
  const { client } = await serve({
    both: async (call) => {
      for await (const request of call.requests) await call.send(request);
    },
  });
  const call = client.both();
  const count = 50_000;
  const sending = (async () => {
    for (let i = 0; i < count; i++) await call.send(data(`message ${i}`));
    call.end();
  })();
  let next = 0;
  for await (const { data: message } of call) assert.equal(message.toString(), `message ${next++}`);
  await sending;
  assert.equal(next, count);
});

test('the first message may be taken apart from the rest', async () => {
  const { client } = await serve({
    up: async (call) => {
      let first = '';
      for await (const message of call.requests) {
        first = message.data.toString();
        break;
      }
      const rest = await collect(call.requests);
      return data(`${first}|${Buffer.concat(rest)}`);
    },
  });
  const call = client.up();
  for (const part of ['open', 'a', 'b', 'c']) void call.send(data(part));
  call.end();
  assert.equal(Buffer.concat(await collect(call)).toString(), 'open|abc');
});

test('an answer before the half-close ends the call and frees the stream on both sides', async () => {
  const { client, streams } = await serve({
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
  const { client } = await serve({
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
  const { client, server } = await serve({
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
  const { client } = await serveRaw((stream) => {
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
  const { client } = await serve({
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
  const { client } = await serve({
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
  const { client } = await serve({ unary: () => new Promise(() => undefined) });
  const metadata: Metadata = [['grpc-timeout', '50m']];
  await assert.rejects(client.unary({}, { metadata }), code(Code.DEADLINE_EXCEEDED));
});

test('a failing, an unencodable and an unknown method are errors of their call alone', async () => {
  const { client } = await serve({
    unary: async () => ({ data: 'not bytes' as unknown as Buffer }),
    down: async () => {
      throw new Error('a bug');
    },
    up: async () => undefined as unknown as Bytes,
  });
  await assert.rejects(collect(client.down({})), code(Code.INTERNAL));
  await assert.rejects(collect(client.both()), code(Code.UNIMPLEMENTED));
  const call = client.up();
  call.end();
  assert.deepEqual(await collect(call), []);
  assert.equal((await client.unary({})).data.toString(), 'not bytes');
});

test('malformed messages are told to whoever sent them', async () => {
  const { client } = await serve({
    unary: async (request) => request,
    down: async (_request, call) => call.send({ data: Buffer.from([0xff]) }),
  });
  await assert.rejects(client.unary({ data: Buffer.from([0xff]) }), code(Code.INVALID_ARGUMENT));
  await assert.rejects(collect(client.down({})), code(Code.INTERNAL));
});

test('what is no gRPC gets 415 and does no harm', async () => {
  const { client, server } = await serve({ unary: async (request) => request });
  const stream = server.connection.request('/k3c.v1.Test/Unary', { metadata: [] });
  stream.close();
  const session = stream.session;
  assert.ok(session !== undefined);
  const plain = (session as import('node:http2').ClientHttp2Session).request({ ':method': 'GET', ':path': '/' });
  plain.end();
  const status = await new Promise((resolve) => plain.on('response', (headers) => resolve(headers[':status'])));
  assert.equal(status, 415);
  assert.equal((await client.unary(data('x'))).data.toString(), 'x');
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
    const { client } = await serveRaw((stream) => {
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
  const { client, server } = await serve({ unary: async (request) => request });
  await client.unary(data('a'));
  for (const session of server.sessions) session.destroy();
  await eventually(() => server.sessions.size === 0, 'the session is gone');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await client.unary(data('b'))).data.toString(), 'b');
});

test('after GOAWAY calls under way end well and new ones go over a new connection', async () => {
  let release: (() => void) | undefined;
  const { client, server } = await serve({
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

test('a sender waits for a slow reader, and memory stays', async () => {
  let sent = 0;
  const chunk = Buffer.alloc(64 << 10);
  const { client } = await serve({
    down: async (_request, call) => {
      for (let i = 0; i < 1000; i++) {
        await call.send({ data: chunk });
        sent++;
      }
    },
  });
  let received = 0;
  for await (const _ of client.down({})) {
    received++;
    if (received === 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      // 8 MB of window and what waits in queues.
      assert.ok(sent * chunk.length < 20 << 20, `${sent} messages were sent to a reader that does not read`);
    }
  }
  assert.equal(received, 1000);
});
