/** registries.yaml applied to everything that talks to registries: pull and push, CRI, and builds. */
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import type { Log } from '../../../host/log.ts';
import { type Relay, startRelay } from '../../backends/registry/relay.ts';
import type { RegistryServer } from '../../backends/registry/server.ts';
import type { Credentials } from '../../backends/transfer.ts';
import { type BuildkitRegistry, buildkitRegistries } from './buildkit-registries.ts';
import { hostsToml } from './hosts-toml.ts';
import { type Endpoint, parseRegistries, type RegistriesConfig } from './registries-config.ts';
import { credentialsOf, endpointsOf, isItself, mirrorServer, serverOf } from './registry-servers.ts';
import { rewriteRepository } from './rewrite.ts';

export type { BuildkitRegistry } from './buildkit-registries.ts';

export interface AppliedRegistries {
  /** The directory of hosts.toml files for pull and push; those in certsDir itself are CRI's, with credentials. */
  readonly hostDir: string;
  /** `registry` of buildkitd.toml, by host. */
  readonly buildkit: Readonly<Record<string, BuildkitRegistry>>;
  /** Configured credentials of a registry host. */
  readonly credentials: (host: string) => Credentials;
  /** The registry itself, by its host. */
  readonly server: (host: string) => RegistryServer;
  /** Where to read from, best first, the registry itself last. `rename` gives a repository's name there. */
  readonly sources: (host: string) => readonly RegistrySource[];
  /** What could not be applied everywhere, a sentence each. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export interface RegistrySource {
  readonly server: RegistryServer;
  readonly rename: (repository: string) => string;
}

export interface RegistriesOptions {
  /** The file was named by somebody: it must be there. */
  readonly required?: boolean;
  readonly log: Log;
}

/** Not the name of any host, which have no underscore first but for containerd's own `_default`. */
const OWN = '_k3c';

/**
 * Reads the file and writes `certsDir` anew. A file that is not there configures nothing, unless it was asked for by name.
 *
 * @throws INVALID_ARGUMENT naming the key that is wrong, or the file that cannot be read
 */
export async function applyRegistries(
  file: string,
  certsDir: string,
  options: RegistriesOptions,
): Promise<AppliedRegistries> {
  const config = parseRegistries(await readFileOf(file, options.required ?? false), file);
  await checkFiles(config, file);
  const { relay, places } = await relayOf(config, options.log);
  try {
    return await write(config, file, certsDir, places, relay);
  } catch (error) {
    await relay?.close();
    throw error;
  }
}

/** As if there were no file: for engines of tests, and tools. */
export function noRegistries(): Pick<AppliedRegistries, 'hostDir' | 'credentials' | 'server' | 'sources'> {
  const config = parseRegistries('', '');
  return {
    hostDir: '',
    credentials: () => undefined,
    server: (host) => serverOf(config, host),
    sources: (host) => sourcesOf(config, host),
  };
}

type Places = ReadonlyMap<Endpoint, { readonly host: string; readonly path: string }>;

/** Serves the endpoints that need more than a path; no such endpoint, no server. */
async function relayOf(config: RegistriesConfig, log: Log) {
  const needy = [...config.mirrors.values()].flat().filter((each) => each.rewrites.length > 0);
  if (needy.length === 0) return { relay: undefined, places: new Map() };
  const relay = await startRelay(log);
  const places = new Map<Endpoint, { readonly host: string; readonly path: string }>();
  for (const endpoint of needy) {
    const route = {
      server: mirrorServer(config, endpoint),
      credentials: credentialsOf(config, endpoint.host),
      rename: (repository: string) => rewriteRepository(endpoint.rewrites, repository),
    };
    places.set(endpoint, await relay.add(route));
  }
  return { relay, places };
}

async function write(
  config: RegistriesConfig,
  file: string,
  certsDir: string,
  places: Places,
  relay: Relay | undefined,
): Promise<AppliedRegistries> {
  const relayed = (endpoint: Endpoint) => {
    const place = places.get(endpoint);
    return place === undefined ? undefined : `http://${place.host}/v2/${place.path}`;
  };
  const fresh = `${certsDir}.new`;
  const stale = `${certsDir}.old`;
  await rm(fresh, { recursive: true, force: true });
  await rm(stale, { recursive: true, force: true });
  await mkdir(join(fresh, OWN), { recursive: true, mode: 0o700 });
  const hosts = new Set([...config.mirrors.keys(), ...config.tls.keys(), ...config.credentials.keys()]);
  for (const host of hosts) {
    const name = host === '*' ? '_default' : host;
    await writeHost(join(fresh, name), hostsToml(config, host, { withCredentials: true, relayed }));
    await writeHost(join(fresh, OWN, name), hostsToml(config, host, { withCredentials: false, relayed }));
  }
  const buildkit = await buildkitRegistries(config, { fresh, certsDir, places });
  await rename(certsDir, stale).catch(ignoreMissing);
  await rename(fresh, certsDir);
  await rm(stale, { recursive: true, force: true });
  return {
    hostDir: join(certsDir, OWN),
    buildkit,
    credentials: (host) => credentialsOf(config, host),
    server: (host) => serverOf(config, host),
    sources: (host) => sourcesOf(config, host),
    warnings: warningsOf(config, file),
    close: async () => relay?.close(),
  };
}

async function writeHost(directory: string, toml: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'hosts.toml'), toml, { mode: 0o600 });
}

function sourcesOf(config: RegistriesConfig, host: string): RegistrySource[] {
  const mirrors = endpointsOf(config, host).filter((each) => !isItself(each, host));
  return [
    ...mirrors.map((each) => ({
      server: mirrorServer(config, each),
      rename: (repository: string) => rewriteRepository(each.rewrites, repository),
    })),
    { server: serverOf(config, host), rename: (repository) => repository },
  ];
}

function warningsOf(config: RegistriesConfig, file: string): string[] {
  const warnings: string[] = [];
  if (config.mirrors.has('*')) {
    warnings.push(
      `${file}: mirrors of "*" reach builds for docker.io and the registries that the file names; BuildKit knows no others`,
    );
  }
  if (config.tls.has('*')) {
    warnings.push(`${file}: configs of "*" reach builds only for the registries that the file names`);
  }
  if (config.credentials.has('*')) {
    warnings.push(`${file}: configs."*".auth counts nowhere: it would be shown to every registry that is asked`);
  }
  for (const [host, who] of config.credentials) {
    if ('identityToken' in who) {
      warnings.push(`${file}: configs.${host}.auth has an identity token, which cannot reach pulls by way of CRI`);
    }
  }
  return warnings;
}

async function checkFiles(config: RegistriesConfig, file: string): Promise<void> {
  for (const [host, { caFile, certFile, keyFile }] of config.tls) {
    for (const path of [caFile, certFile, keyFile]) {
      if (path === undefined) continue;
      try {
        await access(path);
      } catch (cause) {
        throw new K3cError(Code.INVALID_ARGUMENT, `${file}: configs.${host}.tls names ${path}, which cannot be read`, {
          reason: 'bad-input',
          cause,
        });
      }
    }
  }
}

async function readFileOf(file: string, required: boolean): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (!required && (cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new K3cError(Code.INVALID_ARGUMENT, `cannot read ${file}: ${(cause as Error).message}`, {
      reason: 'bad-input',
      hint: 'it configures registries; name another with --registries',
      cause,
    });
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
