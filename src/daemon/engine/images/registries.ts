/** registries.yaml applied to everything that talks to registries: pull and push, CRI, and builds. */
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import type { Relay } from '../../backends/registry/relay.ts';
import type { RegistryServer } from '../../backends/registry/server.ts';
import type { Credentials } from '../../backends/transfer.ts';
import { type BuildkitRegistry, buildkitRegistries } from './buildkit-registries.ts';
import { hostsToml } from './hosts-toml.ts';
import { type Endpoint, parseRegistries, type RegistriesConfig } from './registries-config.ts';
import {
  credentialsOf,
  endpointsOf,
  isItself,
  mirrorServer,
  namedHosts,
  serverOf,
  speaksOfAll,
} from './registry-servers.ts';
import { relayRoutes } from './relay-routes.ts';
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
  /** The hosts that the file names, and whether it says something of all others. */
  readonly speaksOf: { readonly named: ReadonlySet<string>; readonly all: boolean };
  /** What could not be applied everywhere, a sentence each. */
  readonly warnings: readonly string[];
}

export interface RegistrySource {
  readonly server: RegistryServer;
  readonly rename: (repository: string) => string;
}

export interface RegistriesOptions {
  /** The file was named by somebody: it must be there. */
  readonly required?: boolean;
  /** The relay that serves what the file needs it for; called only when it needs one, or may have before. */
  readonly relay: RelaySource;
}

export interface RelaySource {
  /** The relay, started when it is asked for the first time. */
  get(): Promise<Relay>;
  readonly isStarted: boolean;
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
  const { routes, mirrors, selves } = relayRoutes(config);
  // One that serves what an older file said is told that this is over.
  const relay = routes.size > 0 || options.relay.isStarted ? await options.relay.get() : undefined;
  const relayed = (what: Endpoint | string) => {
    const key = typeof what === 'string' ? selves.get(what) : mirrors.get(what);
    return key === undefined || relay === undefined ? undefined : { host: relay.host, key };
  };
  return write(config, file, certsDir, relayed, async () => relay?.serve(routes));
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

/** Where something is served by the relay. */
type Relayed = (what: Endpoint | string) => { readonly host: string; readonly key: string } | undefined;

async function write(
  config: RegistriesConfig,
  file: string,
  certsDir: string,
  relayed: Relayed,
  serve: () => Promise<void>,
): Promise<AppliedRegistries> {
  const url = (what: Endpoint | string) => {
    const place = relayed(what);
    return place === undefined ? undefined : `http://${place.host}/v2/${place.key}`;
  };
  const fresh = `${certsDir}.new`;
  const stale = `${certsDir}.old`;
  await rm(fresh, { recursive: true, force: true });
  await rm(stale, { recursive: true, force: true });
  await mkdir(join(fresh, OWN), { recursive: true, mode: 0o700 });
  const named = namedHosts(config);
  const all = speaksOfAll(config);
  for (const host of all ? [...named, '*'] : named) {
    const name = host === '*' ? '_default' : host;
    await writeHost(join(fresh, name), hostsToml(config, host, { withCredentials: true, relayed: url }));
    await writeHost(join(fresh, OWN, name), hostsToml(config, host, { withCredentials: false, relayed: url }));
  }
  const buildkit = await buildkitRegistries(config, {
    fresh,
    certsDir,
    relayed: (what) => {
      const place = relayed(what);
      return place === undefined ? undefined : `${place.host}/${place.key}`;
    },
  });
  await serve();
  await rename(certsDir, stale).catch(ignoreMissing);
  await rename(fresh, certsDir);
  await rm(stale, { recursive: true, force: true });
  return {
    hostDir: join(certsDir, OWN),
    buildkit,
    credentials: (host) => credentialsOf(config, host),
    server: (host) => serverOf(config, host),
    sources: (host) => sourcesOf(config, host),
    speaksOf: { named, all },
    warnings: warningsOf(config, file),
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
  if (speaksOfAll(config)) {
    warnings.push(
      `${file}: what is said of "*" reaches builds of buildctl and buildx only for docker.io and the registries that the file names`,
    );
  }
  if (config.credentials.has('*')) {
    warnings.push(`${file}: configs."*".auth counts nowhere: it would be shown to every registry that is asked`);
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
