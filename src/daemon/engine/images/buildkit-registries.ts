/** registries.yaml as buildkitd.toml has it: a table a registry (BuildKit v0.34, util/resolver). */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoint, RegistriesConfig } from './registries-config.ts';
import { endpointsOf, isItself, namedHosts, realHost, speaksOfAll, tlsOf } from './registry-servers.ts';

export interface BuildkitRegistry {
  readonly [key: string]: boolean | readonly string[];
}

export interface BuildkitPlaces {
  /** Where files are written now, and the name that the directory has in the end. */
  readonly fresh: string;
  readonly certsDir: string;
  /** Where the relay serves an endpoint, or a host itself: host, and path below /v2. */
  readonly relayed: (what: Endpoint | string) => string | undefined;
}

/** BuildKit takes a directory of certificates, as docker does. */
const BUILDKIT_TLS = '_buildkit';

/**
 * The tables by host. BuildKit has none for all registries: what `*` says goes to docker.io and to those that the file names; for
 * others see build-sources.ts. A registry of which the file has credentials is its own last mirror, by way of the relay, so that who
 * builds needs none. Client certificates are linked below `fresh`.
 */
export async function buildkitRegistries(
  config: RegistriesConfig,
  { fresh, certsDir, relayed }: BuildkitPlaces,
): Promise<Record<string, BuildkitRegistry>> {
  const tables: Record<string, Record<string, boolean | readonly string[]>> = {};
  const tableOf = (host: string) => {
    const table = tables[host] ?? {};
    tables[host] = table;
    return table;
  };
  const named = new Set(namedHosts(config));
  if (speaksOfAll(config)) named.add('docker.io');
  for (const host of named) {
    const mirrors: string[] = [];
    for (const endpoint of endpointsOf(config, host)) {
      if (endpoint.rewrites.length === 0) {
        tableOf(endpoint.host === realHost(host) ? host : endpoint.host)['http'] = endpoint.scheme === 'http';
      }
      if (isItself(endpoint, host)) continue;
      // BuildKit puts /v2 before the path itself.
      mirrors.push(relayed(endpoint) ?? `${endpoint.host}${endpoint.path.replace(/^\/v2(?=\/|$)/, '')}`);
    }
    const self = relayed(host);
    if (self !== undefined) mirrors.push(self);
    if (mirrors.length > 0) tableOf(host)['mirrors'] = mirrors;
  }
  for (const host of new Set([...named, ...Object.keys(tables)])) {
    const tls = tlsOf(config, host);
    if (tls === undefined) continue;
    const table = tableOf(host);
    if (tls.insecureSkipVerify) table['insecure'] = true;
    if (tls.caFile !== undefined) table['ca'] = [tls.caFile];
    // Left to itself BuildKit speaks plain HTTP on loopback, whatever is said of TLS.
    table['http'] ??= false;
    if (tls.certFile !== undefined && tls.keyFile !== undefined) {
      const directory = join(fresh, BUILDKIT_TLS, host);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await symlink(tls.certFile, join(directory, 'client.cert'));
      await symlink(tls.keyFile, join(directory, 'client.key'));
      table['tlsconfigdir'] = [join(certsDir, BUILDKIT_TLS, host)];
    }
  }
  return tables;
}
