/** What registries.yaml says of one registry: where it is, what mirrors it has, how each is trusted, who to be there. */
import type { RegistryServer } from '../../backends/registry/server.ts';
import type { Credentials } from '../../backends/transfer.ts';
import type { Endpoint, RegistriesConfig, RegistryTls } from './registries-config.ts';

/** The host that serves a registry's name. */
export function realHost(host: string): string {
  return host === 'docker.io' ? 'registry-1.docker.io' : host;
}

const HUB: readonly string[] = ['docker.io', 'registry-1.docker.io', 'index.docker.io'];

/** docker.io may be configured under any of its names. */
function aliases(host: string): readonly string[] {
  return HUB.includes(host) ? [host, ...HUB.filter((each) => each !== host)] : [host];
}

/** The hosts that the file says something of by name. docker.io counts by any of its names. */
export function namedHosts(config: RegistriesConfig): ReadonlySet<string> {
  const named = new Set([...config.mirrors.keys(), ...config.tls.keys(), ...config.credentials.keys()]);
  named.delete('*');
  if (HUB.some((name) => named.has(name))) named.add('docker.io');
  return named;
}

/** Whether the file says something of hosts that it does not name. */
export function speaksOfAll(config: RegistriesConfig): boolean {
  return config.mirrors.has('*') || config.tls.has('*');
}

/** TLS settings of a host; those of `*` where it has none of its own. */
export function tlsOf(config: RegistriesConfig, host: string): RegistryTls | undefined {
  for (const name of [...aliases(host), '*']) {
    const found = config.tls.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Credentials for a host. Those of `*` count nowhere: they would be shown to every registry that is asked. */
export function credentialsOf(config: RegistriesConfig, host: string): Credentials {
  for (const name of aliases(host)) {
    const found = config.credentials.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** All endpoints of a registry in order, itself included where it is named; those of `*` where it has none of its own. */
export function endpointsOf(config: RegistriesConfig, host: string): readonly Endpoint[] {
  return config.mirrors.get(host) ?? config.mirrors.get('*') ?? [];
}

/** Whether an endpoint is the registry itself, and so says how it is reached for push, too. */
export function isItself(endpoint: Endpoint, host: string): boolean {
  return endpoint.host === realHost(host) && !endpoint.rewritten;
}

/** The registry itself, as containerd would reach it. */
export function serverOf(config: RegistriesConfig, host: string): RegistryServer {
  const tls = tlsOf(config, host);
  const itself = endpointsOf(config, host).find((each) => isItself(each, host));
  if (itself !== undefined) return { scheme: itself.scheme, host: itself.host, path: itself.path, tls };
  return { scheme: isLoopback(host) && tls === undefined ? 'either' : 'https', host: realHost(host), path: '/v2', tls };
}

/** A mirror as a server. */
export function mirrorServer(config: RegistriesConfig, { scheme, host, path }: Endpoint): RegistryServer {
  return { scheme, host, path, tls: tlsOf(config, host) };
}

/** A registry on this machine may be a plain one (containerd v2.4, core/remotes/docker/registry.go: IsLocalhost). */
function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(name) || name === '[::1]';
}
