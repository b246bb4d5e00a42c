/** What of registries.yaml goes by way of the relay (backends/registry/relay.ts), and where it is found there. */
import { type RelayRoute, routeKey } from '../../backends/registry/relay.ts';
import type { Credentials } from '../../backends/transfer.ts';
import type { Endpoint, RegistriesConfig } from './registries-config.ts';
import { credentialsOf, isItself, mirrorServer, namedHosts, serverOf } from './registry-servers.ts';
import { rewriteRepository } from './rewrite.ts';

export interface RelayRoutes {
  readonly routes: ReadonlyMap<string, RelayRoute>;
  /** Keys of routes of mirrors. */
  readonly mirrors: ReadonlyMap<Endpoint, string>;
  /** Keys of routes to registries themselves, by host. */
  readonly selves: ReadonlyMap<string, string>;
}

/** A mirror to be asked by other names, and any server that wants a login: BuildKit knows only logins of whoever builds. */
export function relayRoutes(config: RegistriesConfig): RelayRoutes {
  const routes = new Map<string, RelayRoute>();
  const mirrors = new Map<Endpoint, string>();
  const selves = new Map<string, string>();
  for (const [host, endpoints] of config.mirrors) {
    for (const [i, endpoint] of endpoints.entries()) {
      const credentials = credentialsOf(config, endpoint.host);
      if (isItself(endpoint, host) || (endpoint.rewrites.length === 0 && credentials === undefined)) continue;
      const key = routeKey(host, i);
      mirrors.set(endpoint, key);
      const rename = (repository: string) => rewriteRepository(endpoint.rewrites, repository);
      routes.set(key, { server: mirrorServer(config, endpoint), credentials, rename });
    }
  }
  for (const host of namedHosts(config)) {
    const credentials = credentialsOf(config, host);
    if (credentials === undefined) continue;
    const key = routeKey(host, 'self');
    selves.set(host, key);
    routes.set(key, { server: serverOf(config, host), credentials, rename: (repository) => repository });
  }
  return { routes, mirrors, selves };
}

/** Whether CRI, which takes a user and a password by a header of hosts.toml, needs the relay for somebody to be. */
export function isTokenAlone(credentials: Credentials): boolean {
  return credentials !== undefined && 'identityToken' in credentials;
}
