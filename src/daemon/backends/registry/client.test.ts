import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { RegistryClient } from './client.ts';
import { RegistryFault } from './fault.ts';

/** A registry with a token server, as far as a client of it can see. */
let server: Server;
let host: string;
let seen: string[];
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;

before(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      seen.push(`${request.method} ${request.url}`);
      answer(request, response, body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  seen = [];
});

type Who = Parameters<typeof RegistryClient.open>[1];
async function withClient<T>(
  who: Who,
  work: (client: RegistryClient) => Promise<T>,
  scheme: 'http' | 'either' = 'http',
) {
  const client = await RegistryClient.open({ scheme, host, path: '/v2' }, who);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}
const me = { username: 'me', password: 'se:cret' };
const basicOf = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const fails = (work: Promise<unknown>, failure: string) =>
  assert.rejects(work, (error: Error) => {
    assert.ok(error instanceof RegistryFault, String(error));
    assert.equal(error.failure, failure);
    assert.ok(!String(error.stack).includes('se:cret'));
    return true;
  });

const basicRegistry: typeof answer = (request, response) => {
  if (request.headers.authorization === basicOf('me:se:cret')) response.end('{}');
  else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
};

/** Gives a token for the right password or identity token, and takes it. */
const tokenRegistry: typeof answer = (request, response, body) => {
  const url = new URL(request.url ?? '', `http://${host}`);
  if (url.pathname === '/token') {
    const form = new URLSearchParams(body);
    const right =
      request.method === 'POST'
        ? form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === 'id-token'
        : request.headers.authorization === basicOf('me:se:cret');
    if (!right) return void response.writeHead(401).end('{"details":"incorrect username or password"}');
    const scope = url.searchParams.get('scope') ?? form.get('scope') ?? '';
    const renewed = url.searchParams.get('offline_token') === 'true' ? { refresh_token: 'id-token' } : {};
    return void response.end(JSON.stringify({ token: `t:${scope}`, ...renewed }));
  }
  const scope = /^\/v2\/(.+)\/tags\/list/.exec(url.pathname)?.[1];
  const wanted = scope === undefined ? '' : `repository:${scope}:pull`;
  if (request.headers.authorization === `Bearer t:${wanted}`) return void response.end('{"tags":["a"]}');
  const challenge = `Bearer realm="http://${host}/token",service="svc"${wanted === '' ? '' : `,scope="${wanted}"`}`;
  response.writeHead(401, { 'www-authenticate': challenge }).end();
};

test('a login by password: right, wrong, and where none is wanted', async () => {
  answer = basicRegistry;
  assert.equal(await withClient(me, (client) => client.login()), undefined);
  await fails(
    withClient({ ...me, password: 'no' }, (client) => client.login()),
    'unauthorized',
  );
  await fails(
    withClient(undefined, (client) => client.login()),
    'unauthorized',
  );
  answer = (_request, response) => response.end();
  assert.equal(await withClient(me, (client) => client.login()), undefined);
});

test('a login at a token server gives an identity token, which is a login itself', async () => {
  answer = tokenRegistry;
  assert.equal(await withClient(me, (client) => client.login()), 'id-token');
  assert.deepEqual(seen, [
    'GET /v2/',
    'GET /token?service=svc&offline_token=true&client_id=k3c&account=me',
    'GET /v2/',
  ]);
  await fails(
    withClient({ ...me, password: 'no' }, (client) => client.login()),
    'unauthorized',
  );
  assert.deepEqual(await withClient({ identityToken: 'id-token' }, (client) => client.tags('lib/x')), ['a']);
  await fails(
    withClient({ identityToken: 'other' }, (client) => client.tags('lib/x')),
    'unauthorized',
  );
});

test('tags come in pages', async () => {
  answer = (request, response) => {
    if (request.url === '/v2/lib/x/tags/list') {
      response.setHeader('link', '</v2/lib/x/tags/list?last=b&n=2>; rel="next"');
      response.end('{"tags":["a","b"]}');
    } else response.end('{"tags":["c"]}');
  };
  assert.deepEqual(await withClient(undefined, (client) => client.tags('lib/x')), ['a', 'b', 'c']);
});

test('a token that has run out is asked for anew', async () => {
  answer = tokenRegistry;
  await withClient(me, async (client) => {
    await client.tags('x');
    seen = [];
    let refused = false;
    answer = (request, response, body) => {
      if (request.url?.startsWith('/v2') && !refused) {
        refused = true;
        request.headers.authorization = 'Bearer old';
      }
      tokenRegistry(request, response, body);
    };
    assert.deepEqual(await client.tags('x'), ['a']);
    assert.equal(seen.length, 3);
  });
});

test('failures have kinds', async () => {
  const statuses = { 403: 'denied', 404: 'not-found', 429: 'rate-limited', 500: 'other' } as const;
  for (const [status, failure] of Object.entries(statuses)) {
    answer = (_request, response) => response.writeHead(Number(status)).end('<html>');
    await fails(
      withClient(undefined, (client) => client.tags('x')),
      failure,
    );
  }
  const open = (at: string, scheme: 'http' | 'https') =>
    RegistryClient.open({ scheme, host: at, path: '/v2' }, undefined);
  await fails((await open('127.0.0.1:1', 'http')).login(), 'refused');
  await fails((await open('nosuch.invalid', 'https')).login(), 'no-such-host');
  await fails((await open(host, 'https')).login(), 'plain-http');
});

test('on loopback a plain registry is found by itself', async () => {
  answer = basicRegistry;
  assert.equal(await withClient(me, (client) => client.login(), 'either'), undefined);
});

test('an abort ends a request that hangs', async (t) => {
  const silent = createTcpServer(() => undefined);
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const at = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const client = await RegistryClient.open({ scheme: 'http', host: at, path: '/v2' }, undefined);
  await assert.rejects(client.login(AbortSignal.timeout(50)), { name: /AbortError|TimeoutError/ });
  client.close();
});
