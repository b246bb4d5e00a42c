/** hosts.toml of containerd (docs/hosts.md, containerd v2.4): where a registry's content comes from. */
import type { Credentials } from '../../backends/transfer.ts';
import type { Endpoint, RegistriesConfig, RegistryTls } from './registries-config.ts';
import { credentialsOf, endpointsOf, isItself, realHost, tlsOf } from './registry-servers.ts';
import { isTokenAlone } from './relay-routes.ts';

export interface HostsTomlOptions {
  /**
   * For CRI, which has no other way to get credentials: a user with a password as a header, an identity token, which no header can
   * stand for, by way of the relay.
   */
  readonly withCredentials: boolean;
  /** Where the relay serves an endpoint, or a host itself. */
  readonly relayed?: (what: Endpoint | string) => string | undefined;
}

/** containerd's own 30 s would be spent for the manifest and for every layer on a mirror whose machine is off; another comes next. */
const DIAL_TIMEOUT = '5s';

/** The file for one registry host, `*` for the default of all hosts. */
export function hostsToml(config: RegistriesConfig, host: string, options: HostsTomlOptions): string {
  const endpoints = endpointsOf(config, host);
  const itself = endpoints.find((each) => isItself(each, host));
  const lines: string[] = [];
  const tls = tlsOf(config, host);
  if (itself !== undefined) lines.push(...server(itself));
  // Left to itself containerd takes any certificate on loopback, whatever authority is named.
  else if (host !== '*' && (tls?.caFile !== undefined || tls?.certFile !== undefined)) {
    lines.push(...server({ scheme: 'https', host: realHost(host), path: '/v2' }));
  }
  lines.push(...settings(tls));
  if (host !== '*') lines.push(...header(options, credentialsOf(config, host), '[header]'));
  for (const endpoint of endpoints) {
    if (endpoint !== itself) lines.push(...mirror(config, endpoint, options));
  }
  const self =
    options.withCredentials && isTokenAlone(credentialsOf(config, host)) ? options.relayed?.(host) : undefined;
  if (self !== undefined) lines.push(...relayTable(self));
  return `${lines.join('\n')}\n`;
}

function mirror(config: RegistriesConfig, endpoint: Endpoint, options: HostsTomlOptions): string[] {
  const credentials = credentialsOf(config, endpoint.host);
  const needsRelay = endpoint.rewrites.length > 0 || (options.withCredentials && isTokenAlone(credentials));
  const relay = needsRelay ? options.relayed?.(endpoint) : undefined;
  // It is who it has to be by itself.
  if (relay !== undefined) return relayTable(relay);
  const table = `host.${JSON.stringify(`${endpoint.scheme}://${endpoint.host}${endpoint.path}`)}`;
  const lines = ['', `[${table}]`, '  capabilities = ["pull", "resolve"]', `  dial_timeout = "${DIAL_TIMEOUT}"`];
  if (!endpoint.path.endsWith('/v2')) lines.push('  override_path = true');
  lines.push(...settings(tlsOf(config, endpoint.host)).map((line) => `  ${line}`));
  lines.push(...header(options, credentials, `[${table}.header]`));
  return lines;
}

function relayTable(url: string): string[] {
  return ['', `[host.${JSON.stringify(url)}]`, '  capabilities = ["pull", "resolve"]', '  override_path = true'];
}

function server({ scheme, host, path }: Pick<Endpoint, 'scheme' | 'host' | 'path'>): string[] {
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
