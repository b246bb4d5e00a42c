import assert from 'node:assert/strict';

import { afterEach, test } from 'node:test';
import { type Bytes, code, collect, data, TestServers } from '../../../test/support/rpc.ts';
import { Code, K3cError } from '../errors.ts';
import type { Metadata } from './types.ts';

const servers = new TestServers();
afterEach(() => servers.closeAll());

test('a unary call brings its message there and back, metadata repeated', async () => {
  let seen: Metadata = [];
  const { client } = await servers.serve({
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
  const { client } = await servers.serve({ unary: async (request) => request });
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
  const { client } = await servers.serve(
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
  const { client } = await servers.serveRaw((stream) => {
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
  const { client } = await servers.serve({
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
  const { client } = await servers.serve({
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

test('a failing, an unencodable and an unknown method are errors of their call alone', async () => {
  const { client } = await servers.serve({
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
  const { client } = await servers.serve({
    unary: async (request) => request,
    down: async (_request, call) => call.send({ data: Buffer.from([0xff]) }),
  });
  await assert.rejects(client.unary({ data: Buffer.from([0xff]) }), code(Code.INVALID_ARGUMENT));
  await assert.rejects(collect(client.down({})), code(Code.INTERNAL));
});

test('what is no gRPC gets 415 and does no harm', async () => {
  const { client, server } = await servers.serve({ unary: async (request) => request });
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

test('a sender waits for a slow reader, and memory stays', async () => {
  let sent = 0;
  const chunk = Buffer.alloc(64 << 10);
  const { client } = await servers.serve({
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
