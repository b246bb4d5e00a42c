/**
 * A mirror on loopback that stands before others: for what neither containerd nor BuildKit can do, which is to ask a mirror for a
 * repository by another name. Only who knows the secret in the path gets anything: it acts with credentials of the machine's owner.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../../../host/log.ts';
import type { Credentials } from '../transfer.ts';
import { RegistryClient } from './client.ts';
import { RegistryFault } from './fault.ts';
import type { RegistryServer } from './server.ts';

export interface RelayRoute {
  readonly server: RegistryServer;
  readonly credentials: Credentials;
  /** The name that a repository has there. */
  readonly rename: (repository: string) => string;
}

export interface Relay {
  /** Adds a mirror. Returns where it is served: `127.0.0.1:port` and the path below `/v2`. */
  add(route: RelayRoute): Promise<{ readonly host: string; readonly path: string }>;
  close(): Promise<void>;
}

/** What is passed on to a registry, and what comes back from it; the rest is between two neighbours. */
const ASKED = ['accept', 'range', 'if-none-match', 'user-agent'];
const ANSWERED = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'docker-content-digest',
  'docker-distribution-api-version',
  'etag',
  'link',
  'oci-filters-applied',
  'retry-after',
];

/** Starts it on a free port. */
export async function startRelay(log: Log): Promise<Relay> {
  const secret = randomBytes(24).toString('hex');
  const clients: RegistryClient[] = [];
  const routes: { readonly client: RegistryClient; readonly route: RelayRoute }[] = [];
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      log.debug({ err: error }, 'a mirror could not be asked');
      if (!response.headersSent) response.writeHead(502);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  const host = `127.0.0.1:${address.port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = parseTarget(request.url ?? '');
    const found = target === undefined || !same(target.secret, secret) ? undefined : routes[target.route];
    const method = request.method ?? '';
    if (target === undefined || found === undefined || (method !== 'GET' && method !== 'HEAD')) {
      response.writeHead(404).end();
      return;
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const repository = found.route.rename(target.repository);
    try {
      const answer = await found.client.request({
        method,
        path: `/${repository}${target.rest}`,
        headers: picked(request, ASKED),
        scope: `repository:${repository}:pull`,
        signal: gone.signal,
      });
      const location = answer.headers.location;
      const headers = {
        ...picked(answer, ANSWERED),
        ...(location === undefined ? {} : { location: found.client.resolve(location) }),
      };
      response.writeHead(answer.statusCode ?? 502, headers);
      await pipeline(answer, response);
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!(error instanceof RegistryFault) || response.headersSent) throw error;
      response.writeHead(502).end(error.message);
    }
  }

  return {
    async add(route) {
      const client = await RegistryClient.open(route.server, route.credentials);
      clients.push(client);
      return { host, path: `${secret}/${routes.push({ client, route }) - 1}` };
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const client of clients) client.close();
      await closed;
    },
  };
}

/** `/v2/SECRET/ROUTE/REPOSITORY/KIND/REFERENCE?QUERY` */
function parseTarget(url: string) {
  const match = /^\/v2\/([0-9a-f]+)\/(\d+)\/([a-z0-9._/-]+)(\/(?:manifests|blobs|referrers|tags)\/[^/]+)$/.exec(url);
  if (match === null) return undefined;
  const [, secret = '', route = '', repository = '', rest = ''] = match;
  return { secret, route: Number(route), repository, rest };
}

function same(given: string, secret: string): boolean {
  return given.length === secret.length && timingSafeEqual(Buffer.from(given), Buffer.from(secret));
}

function picked({ headers }: IncomingMessage, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) found[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return found;
}
