/** hosts.toml of containerd (docs/hosts.md, containerd v2.4): where a registry's content comes from. */
import type { Credentials } from '../../backends/transfer.ts';
import type { Endpoint, RegistriesConfig, RegistryTls } from './registries-config.ts';

export interface HostsTomlOptions {
  /** Write credentials as a header, for CRI, which has no other way to get them. */
  readonly withCredentials: boolean;
}

/** The file for one registry host, `*` for the default of all hosts. */
export function hostsToml(config: RegistriesConfig, host: string, options: HostsTomlOptions): string {
  const endpoints = config.mirrors.get(host) ?? [];
  // An endpoint that is the registry itself says how to reach it, for push too.
  const itself = endpoints.find((each) => each.host === realHost(host));
  const lines: string[] = [];
  const tls = tlsOf(config, host);
  if (itself !== undefined) lines.push(...server(itself));
  // Left to itself containerd takes any certificate on loopback, whatever authority is named.
  else if (tls?.caFile !== undefined || tls?.certFile !== undefined) {
    lines.push(...server({ scheme: 'https', host: realHost(host), path: '/v2' }));
  }
  if (host !== '*') lines.push(...settings(tls));
  if (host !== '*') lines.push(...header(options, credentialsOf(config, host), '[header]'));
  for (const endpoint of endpoints) {
    if (endpoint === itself) continue;
    const table = `host.${JSON.stringify(`${endpoint.scheme}://${endpoint.host}${endpoint.path}`)}`;
    lines.push('', `[${table}]`, '  capabilities = ["pull", "resolve"]');
    if (!endpoint.path.endsWith('/v2')) lines.push('  override_path = true');
    lines.push(...settings(tlsOf(config, endpoint.host)).map((line) => `  ${line}`));
    lines.push(...header(options, credentialsOf(config, endpoint.host), `[${table}.header]`));
  }
  return `${lines.join('\n')}\n`;
}

/** The host that serves a registry's name. */
export function realHost(host: string): string {
  return host === 'docker.io' ? 'registry-1.docker.io' : host;
}

/** docker.io may be configured under any of its names. */
function aliases(host: string): readonly string[] {
  const hub = ['docker.io', 'registry-1.docker.io', 'index.docker.io'];
  return hub.includes(host) ? [host, ...hub.filter((each) => each !== host)] : [host];
}

export function tlsOf(config: RegistriesConfig, host: string): RegistryTls | undefined {
  for (const name of aliases(host)) {
    const found = config.tls.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function credentialsOf(config: RegistriesConfig, host: string): Credentials {
  for (const name of aliases(host)) {
    const found = config.credentials.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function server({ scheme, host, path }: Endpoint): string[] {
  const lines = [`server = ${JSON.stringify(`${scheme}://${host}${path}`)}`];
  if (!path.endsWith('/v2')) lines.push('override_path = true');
  return lines;
}

function settings(tls: RegistryTls | undefined): string[] {
  if (tls === undefined) return [];
  const lines: string[] = [];
  if (tls.caFile !== undefined) lines.push(`ca = ${JSON.stringify(tls.caFile)}`);
  if (tls.certFile !== undefined) lines.push(`client = [${JSON.stringify([tls.certFile, tls.keyFile])}]`);
  if (tls.insecureSkipVerify) lines.push('skip_verify = true');
  return lines;
}

function header(options: HostsTomlOptions, who: Credentials, table: string): string[] {
  if (!options.withCredentials || who === undefined || 'identityToken' in who) return [];
  const basic = Buffer.from(`${who.username}:${who.password}`).toString('base64');
  return ['', table, `  Authorization = ["Basic ${basic}"]`];
}
