import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { silentLog } from '../../../host/log.ts';
import { type Relay, type RelayRoute, startRelay } from './relay.ts';

let upstream: Server;
let relay: Relay;
let base: string;
let dead: string;
let allowed = true;
let seen: { url: string | undefined; headers: Record<string, unknown> }[] = [];
let answer: RequestListener = (_request, response) => response.end();

before(async () => {
  upstream = createServer((request, response) => {
    seen.push({ url: request.url, headers: request.headers });
    answer(request, response);
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  relay = await startRelay({ isAllowed: () => Promise.resolve(allowed), log: silentLog });
  const { port } = upstream.address() as AddressInfo;
  await relay.serve(
    new Map([
      ['a.test:5000/0', route(`127.0.0.1:${port}`)],
      ['a.test:5000/self', route('127.0.0.1:1')],
    ]),
  );
  base = `http://${relay.host}/v2/a.test:5000/0`;
  dead = `http://${relay.host}/v2/a.test:5000/self`;
});
const route = (host: string): RelayRoute => ({
  server: { scheme: 'http', host, path: '/v2' },
  credentials: undefined,
  rename: (repository) => `r/${repository}`,
});
after(async () => {
  await relay.close();
  upstream.close();
  upstream.closeAllConnections();
});

test('a repository is asked for by its other name, with what matters of the request and of the answer', async () => {
  seen = [];
  answer = (_request, response) => {
    response.setHeader('docker-content-digest', 'sha256:1');
    response.setHeader('set-cookie', 'a=b');
    response.end('bytes');
  };
  const headers = { accept: 'x/y', range: 'bytes=0-3', cookie: 'c=d', authorization: 'Bearer other' };
  const got = await fetch(`${base}/a/b/blobs/sha256:1?ns=docker.io`, { headers });
  assert.deepEqual([got.status, await got.text()], [200, 'bytes']);
  assert.equal(got.headers.get('docker-content-digest'), 'sha256:1');
  assert.equal(got.headers.get('set-cookie'), null);
  assert.equal(seen[0]?.url, '/v2/r/a/b/blobs/sha256:1?ns=docker.io');
  const { accept, range, cookie, authorization } = seen[0]?.headers ?? {};
  assert.deepEqual([accept, range, cookie, authorization], ['x/y', 'bytes=0-3', undefined, undefined]);
});

test('a redirection is passed on with its whole address, a refusal without a challenge', async () => {
  answer = (_request, response) => response.writeHead(307, { location: '/elsewhere' }).end();
  const moved = await fetch(`${base}/a/blobs/sha256:1`, { redirect: 'manual' });
  assert.equal(moved.status, 307);
  assert.equal(moved.headers.get('location'), `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/elsewhere`);
  answer = (_request, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  const refused = await fetch(`${base}/a/manifests/1`);
  assert.deepEqual([refused.status, refused.headers.get('www-authenticate')], [401, null]);
});

test('a mirror that is down is 502, what no mirror serves 404', async () => {
  const down = await fetch(`${dead}/a/manifests/1`);
  assert.deepEqual([down.status, down.statusText], [502, 'http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1']);
  seen = [];
  for (const path of ['/a', '/a/uploads/1', '/../x/manifests/1', '/a/manifests/1/2', '/A/manifests/1']) {
    assert.equal((await fetch(base + path)).status, 404, path);
  }
  assert.deepEqual(seen, []);
});

test('an answer that breaks off breaks off here, too', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.destroy());
  };
  const got = await fetch(`${base}/a/blobs/sha256:1`);
  await assert.rejects(got.text());
});

test('nobody else is served, on any of their connections', async () => {
  allowed = false;
  seen = [];
  try {
    for (const method of ['GET', 'HEAD', 'PUT']) {
      // A connection of its own: who may ask is found out once for each.
      const asked = request(`${base}/a/manifests/1`, { method, agent: false }).end();
      const [got] = (await once(asked, 'response')) as [IncomingMessage];
      assert.equal(got.statusCode, 403);
      got.resume();
    }
  } finally {
    allowed = true;
  }
  assert.deepEqual(seen, []);
});

test('other routes take the place of the former; what is under way goes on', async () => {
  const started = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  answer = async (_request, response) => {
    response.writeHead(200, { 'content-length': '4' });
    response.write('sl', () => started.resolve());
    await goOn.promise;
    response.end('ow');
  };
  const slow = await fetch(`${base}/a/blobs/sha256:1`);
  await started.promise;
  const { port } = upstream.address() as AddressInfo;
  await relay.serve(new Map([['a.test:5000/self', route(`127.0.0.1:${port}`)]]));
  assert.equal((await fetch(`${base}/a/manifests/1`)).status, 404);
  goOn.resolve();
  assert.equal(await slow.text(), 'slow');
  answer = (_request, response) => response.end('new');
  assert.equal(await (await fetch(`${dead}/a/manifests/1`)).text(), 'new');
});

test('routes that cannot be served leave the former', async () => {
  const { port } = upstream.address() as AddressInfo;
  const broken = {
    ...route('x.test'),
    server: { ...route('x.test').server, tls: { caFile: '/nowhere', insecureSkipVerify: false } },
  };
  await relay.serve(new Map([['a.test:5000/0', route(`127.0.0.1:${port}`)]]));
  await assert.rejects(relay.serve(new Map([['b.test/0', broken]])), { code: 'ENOENT' });
  answer = (_request, response) => response.end('old');
  assert.equal(await (await fetch(`${base}/a/manifests/1`)).text(), 'old');
});
