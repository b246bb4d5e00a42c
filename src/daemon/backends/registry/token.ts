/** Tokens of registries (distribution's specs/auth/token.md and oauth.md). */
import type { Credentials } from '../transfer.ts';
import { type Agents, exchange, readObject } from './exchange.ts';
import { RegistryFault } from './fault.ts';

export interface TokenRequest {
  /** The challenge's: where to ask, for what, and for which service. */
  readonly realm: string;
  readonly service: string;
  readonly scope: string;
  readonly credentials: Credentials;
  /** Whether to ask for an identity token, too. */
  readonly offline: boolean;
}

export interface Token {
  readonly token: string;
  /** To be kept instead of the password; undefined where the server gives none. */
  readonly identityToken: string | undefined;
}

const CLIENT_ID = 'k3c';

/** Throws RegistryFault: unauthorized when the credentials are not taken. */
export async function fetchToken(agents: Agents, request: TokenRequest, signal?: AbortSignal): Promise<Token> {
  const { credentials, offline } = request;
  const url = realmUrl(request.realm);
  const answer =
    credentials !== undefined && 'identityToken' in credentials
      ? await exchange(agents, url, { ...refresh(request, credentials.identityToken), signal })
      : await exchange(agents, withQuery(url, request), { headers: basic(credentials), signal });
  const status = answer.statusCode ?? 0;
  const document = await readObject(answer);
  if (status === 401 || status === 403 || status === 400) {
    throw new RegistryFault('unauthorized', `${url.host} gives no token: incorrect username or password`);
  }
  if (status === 429) throw new RegistryFault('rate-limited', `${url.host} limits how often it is asked`);
  const token = document['token'] ?? document['access_token'];
  if (status !== 200 || typeof token !== 'string') {
    throw new RegistryFault('other', `${url.host} gives no token: status ${status}`);
  }
  const renewed = document['refresh_token'];
  return { token, identityToken: offline && typeof renewed === 'string' && renewed !== '' ? renewed : undefined };
}

function realmUrl(realm: string): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new RegistryFault('other', `the registry names ${JSON.stringify(realm)} as its token server`);
  }
  return url;
}

function withQuery(url: URL, { service, scope, credentials, offline }: TokenRequest): URL {
  const full = new URL(url);
  if (service !== '') full.searchParams.set('service', service);
  for (const each of scope.split(' ').filter(Boolean)) full.searchParams.append('scope', each);
  if (offline) {
    full.searchParams.set('offline_token', 'true');
    full.searchParams.set('client_id', CLIENT_ID);
  }
  if (credentials !== undefined && 'username' in credentials) full.searchParams.set('account', credentials.username);
  return full;
}

function refresh({ service, scope }: TokenRequest, token: string) {
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: token,
    client_id: CLIENT_ID,
    service,
  });
  if (scope !== '') body.set('scope', scope);
  return {
    method: 'POST' as const,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: body.toString(),
  };
}

/** The Authorization header of a user with a password; none for anybody. */
export function basic(credentials: Credentials): Readonly<Record<string, string>> {
  if (credentials === undefined || 'identityToken' in credentials) return {};
  const { username, password } = credentials;
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}
