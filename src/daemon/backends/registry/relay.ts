/**
 * A mirror on loopback that stands before registries: for what neither containerd nor BuildKit can do, which is to ask for a
 * repository by another name, or to be somebody of whom only registries.yaml knows. It acts with credentials of the machine's owner,
 * so it serves nobody but the processes it is for. No secret is needed for that, and none can get into their errors, which quote its
 * address.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
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

export interface RelayOptions {
  /** Whether the process at the other end of a connection may ask. */
  readonly isAllowed: (socket: Socket) => Promise<boolean>;
  readonly log: Log;
}

export interface Relay {
  /** Where it is: `127.0.0.1:port`. A route is served at the path `/v2/KEY`. */
  readonly host: string;
  /**
   * Serves these routes by key (`HOST/WORD`, see routeKey), and no others from now on; what is under way goes on. Rejects when a
   * certificate cannot be read, and then the former ones stay.
   */
  serve(routes: ReadonlyMap<string, RelayRoute>): Promise<void>;
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

/** What a fault is for who asks; all others are 502. */
const STATUSES: Partial<Record<RegistryFault['failure'], number>> = { unauthorized: 401, 'rate-limited': 429 };

/** The key of a registry's route: the word is the number of one of its mirrors, or `self`. */
export function routeKey(host: string, word: number | 'self'): string {
  return `${host}/${word}`;
}

/** A route with its connections, which are closed when it is over and nobody asks any more. */
class Served {
  readonly client: RegistryClient;
  readonly route: RelayRoute;
  #asking = 0;
  #isOver = false;

  constructor(client: RegistryClient, route: RelayRoute) {
    this.client = client;
    this.route = route;
  }

  begin(): void {
    this.#asking++;
  }

  end(): void {
    this.#asking--;
    if (this.#isOver && this.#asking === 0) this.client.close();
  }

  retire(): void {
    this.#isOver = true;
    if (this.#asking === 0) this.client.close();
  }
}

/** Starts it on a free port. */
export async function startRelay({ isAllowed, log }: RelayOptions): Promise<Relay> {
  let routes = new Map<string, Served>();
  /** By connection, asked once for each. */
  const allowed = new WeakMap<Socket, Promise<boolean>>();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      log.debug({ err: error }, 'a mirror could not be asked');
      if (!response.headersSent) response.writeHead(502);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');

  function mayAsk(socket: Socket): Promise<boolean> {
    const known = allowed.get(socket) ?? isAllowed(socket);
    allowed.set(socket, known);
    return known;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!(await mayAsk(request.socket))) {
      response.writeHead(403, { connection: 'close' }).end();
      return;
    }
    const target = parseTarget(request.url ?? '');
    const found = target === undefined ? undefined : routes.get(target.key);
    const method = request.method ?? '';
    if (target === undefined || found === undefined || (method !== 'GET' && method !== 'HEAD')) {
      response.writeHead(404).end();
      return;
    }
    found.begin();
    try {
      await relay(found, method, target, request, response);
    } finally {
      found.end();
    }
  }

  return {
    host: `127.0.0.1:${address.port}`,
    async serve(wanted) {
      const next = new Map<string, Served>();
      try {
        for (const [key, route] of wanted) {
          next.set(key, new Served(await RegistryClient.open(route.server, route.credentials), route));
        }
      } catch (error) {
        for (const each of next.values()) each.retire();
        throw error;
      }
      const former = routes;
      routes = next;
      for (const each of former.values()) each.retire();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const { client } of routes.values()) client.close();
      await closed;
    },
  };
}

async function relay(
  { client, route }: Served,
  method: 'GET' | 'HEAD',
  target: Target,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  const onClose = () => gone.abort();
  response.once('close', onClose);
  const repository = route.rename(target.repository);
  try {
    const answer = await client.request({
      method,
      path: `/${repository}${target.rest}`,
      headers: picked(request, ASKED),
      scope: `repository:${repository}:pull`,
      signal: gone.signal,
    });
    const location = answer.headers.location;
    const headers = {
      ...picked(answer, ANSWERED),
      ...(location === undefined ? {} : { location: client.resolve(location) }),
    };
    response.writeHead(answer.statusCode ?? 502, headers);
    await pipeline(answer, response);
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!(error instanceof RegistryFault) || response.headersSent) throw error;
    // An answer to HEAD has no body, but whoever asks repeats the status line in its own error.
    response.writeHead(STATUSES[error.failure] ?? 502, error.message.replace(/[^\x20-\x7e]/g, '?')).end();
  } finally {
    response.off('close', onClose);
  }
}

interface Target {
  readonly key: string;
  readonly repository: string;
  /** Kind, reference and query. */
  readonly rest: string;
}

/** `/v2/KEY/REPOSITORY/KIND/REFERENCE?QUERY` */
function parseTarget(url: string): Target | undefined {
  const match = /^\/v2\/([^/]+\/(?:\d+|self))\/([a-z0-9._/-]+)(\/(?:manifests|blobs|referrers|tags)\/[^/]+)$/.exec(url);
  if (match === null) return undefined;
  const [, key = '', repository = '', rest = ''] = match;
  return { key, repository, rest };
}

function picked({ headers }: IncomingMessage, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) found[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return found;
}
