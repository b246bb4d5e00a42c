/**
 * A client of one registry over HTTP (the OCI distribution specification): for what containerd does not do. It tries a login,
 * lists tags, and reads on behalf of others.
 */
import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../transfer.ts';
import { parseChallenges } from './challenge.ts';
import { type Agents, exchange, readObject } from './exchange.ts';
import { RegistryFault } from './fault.ts';
import { agentsFor, type RegistryServer } from './server.ts';
import { basic, fetchToken } from './token.ts';

export interface RegistryRequest {
  readonly method?: 'GET' | 'HEAD';
  /** Below the API's root, with a slash first and a query where there is one. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What a token must allow, where the registry does not say it itself. */
  readonly scope?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Pages of a list; a registry that sends more repeats itself. */
const MAX_PAGES = 1000;

export class RegistryClient {
  readonly #server: RegistryServer;
  readonly #credentials: Credentials;
  readonly #agents: Agents;
  /** Authorization headers by scope. */
  readonly #known = new Map<string, string>();
  #scheme: 'http' | 'https' | undefined;

  private constructor(server: RegistryServer, credentials: Credentials, agents: Agents) {
    this.#server = server;
    this.#credentials = credentials;
    this.#agents = agents;
    this.#scheme = server.scheme === 'either' ? undefined : server.scheme;
  }

  /** Reads the certificates; nothing is dialled yet. Close it. */
  static async open(server: RegistryServer, credentials: Credentials): Promise<RegistryClient> {
    return new RegistryClient(server, credentials, await agentsFor(server));
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  /** Where a redirection leads. */
  resolve(location: string): string {
    return new URL(location, this.#url('/')).href;
  }

  /** Resolves with the head of the answer, whatever its status; a login that is asked for is made first. */
  async request(request: RegistryRequest): Promise<IncomingMessage> {
    const scope = request.scope ?? '';
    const first = await this.#send(request, this.#known.get(scope));
    if (first.statusCode !== 401) return first;
    const authorization = await this.#authorize(first, scope, request.signal);
    if (authorization === undefined) return first;
    first.resume();
    this.#known.set(scope, authorization);
    return this.#send(request, authorization);
  }

  /**
   * Tries the credentials.
   *
   * @returns an identity token to keep instead of the password, where the registry gives one
   * @throws RegistryFault: unauthorized when they are not taken
   */
  async login(signal?: AbortSignal): Promise<string | undefined> {
    const root = { path: '/', signal };
    const first = await this.#send(root, undefined);
    first.resume();
    // A registry that wants no login takes any.
    if (first.statusCode === 200) return undefined;
    if (first.statusCode !== 401) throw this.#unexpected(first, root.path);
    let identityToken: string | undefined;
    const authorization = await this.#authorize(first, '', signal, (token) => {
      identityToken = token;
    });
    const second = authorization === undefined ? first : await this.#send(root, authorization);
    second.resume();
    if (second.statusCode !== 200) throw this.#unexpected(second, root.path);
    return identityToken;
  }

  /** Asks whether a manifest is there. Throws RegistryFault when it is not, or cannot be asked for. */
  async find(repository: string, reference: string, accept: string, signal?: AbortSignal): Promise<void> {
    const path = `/${repository}/manifests/${reference}`;
    const scope = `repository:${repository}:pull`;
    const answer = await this.request({ method: 'HEAD', path, headers: { accept }, scope, signal });
    answer.resume();
    if (answer.statusCode !== 200) throw this.#unexpected(answer, path);
  }

  /** All tags of a repository, in the registry's order. Throws RegistryFault. */
  async tags(repository: string, signal?: AbortSignal): Promise<string[]> {
    const tags: string[] = [];
    let path: string | undefined = `/${repository}/tags/list`;
    for (let page = 0; path !== undefined && page < MAX_PAGES; page++) {
      const answer: IncomingMessage = await this.request({ path, scope: `repository:${repository}:pull`, signal });
      if (answer.statusCode !== 200) {
        answer.resume();
        throw this.#unexpected(answer, path);
      }
      const document = await readObject(answer);
      const listed = document['tags'];
      if (Array.isArray(listed)) tags.push(...listed.filter((tag) => typeof tag === 'string'));
      path = this.#nextPage(answer, path);
    }
    return tags;
  }

  /** Where a list goes on: RFC 8288, as the distribution specification uses it. */
  #nextPage(answer: IncomingMessage, path: string): string | undefined {
    const { link } = answer.headers;
    const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(typeof link === 'string' ? link : '')?.[1];
    if (target === undefined) return undefined;
    const next = new URL(target, this.#url(path));
    const full = next.pathname + next.search;
    return full.startsWith(this.#server.path) ? full.slice(this.#server.path.length) : undefined;
  }

  async #authorize(
    answer: IncomingMessage,
    scope: string,
    signal: AbortSignal | undefined,
    onIdentityToken?: (token: string | undefined) => void,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(String(answer.headers['www-authenticate'] ?? ''));
    const bearer = challenges.find((each) => each.scheme === 'bearer');
    if (bearer !== undefined) {
      const { realm = '', service = '', scope: asked = scope } = bearer.parameters;
      const offline = onIdentityToken !== undefined;
      const request = { realm, service, scope: asked, credentials: this.#credentials, offline };
      const { token, identityToken } = await fetchToken(this.#agents, request, signal);
      onIdentityToken?.(identityToken);
      return `Bearer ${token}`;
    }
    return challenges.some((each) => each.scheme === 'basic') ? basic(this.#credentials)['authorization'] : undefined;
  }

  async #send(request: RegistryRequest, authorization: string | undefined): Promise<IncomingMessage> {
    const { method, path, signal } = request;
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
    const send = () => exchange(this.#agents, this.#url(path), { method: method ?? 'GET', headers, signal });
    if (this.#scheme !== undefined) return send();
    this.#scheme = 'https';
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof RegistryFault) || error.failure !== 'plain-http') throw error;
      this.#scheme = 'http';
      return send();
    }
  }

  #url(path: string): URL {
    return new URL(`${this.#scheme ?? 'https'}://${this.#server.host}${this.#server.path}${path}`);
  }

  #unexpected(answer: IncomingMessage, path: string): RegistryFault {
    const status = answer.statusCode ?? 0;
    const failure = failures[status] ?? 'other';
    return new RegistryFault(failure, `${this.#url(path).href}: ${status} ${answer.statusMessage ?? ''}`.trimEnd());
  }
}

const failures: Readonly<Record<number, RegistryFault['failure']>> = {
  401: 'unauthorized',
  403: 'denied',
  404: 'not-found',
  429: 'rate-limited',
};
