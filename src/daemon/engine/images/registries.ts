/** registries.yaml applied to everything that talks to registries: pull and push, CRI, and builds. */
import { access, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import type { Credentials } from '../../backends/transfer.ts';
import { credentialsOf, hostsToml, realHost, tlsOf } from './hosts-toml.ts';
import { parseRegistries, type RegistriesConfig } from './registries-config.ts';

/** A registry table of buildkitd.toml. */
export interface BuildkitRegistry {
  readonly [key: string]: boolean | readonly string[];
}

export interface AppliedRegistries {
  /** The directory of hosts.toml files for pull and push; those in certsDir itself are CRI's, with credentials. */
  readonly hostDir: string;
  /** `registry` of buildkitd.toml, by host. */
  readonly buildkit: Readonly<Record<string, BuildkitRegistry>>;
  /** Configured credentials of a registry host. */
  readonly credentials: (host: string) => Credentials;
  /** What could not be applied everywhere, a sentence each. */
  readonly warnings: readonly string[];
}

/** Not the name of any host, which have no underscore first but for containerd's own `_default`. */
const OWN = '_k3c';
/** BuildKit takes a directory of certificates, as docker does. */
const BUILDKIT_TLS = '_buildkit';

/**
 * Reads the file and writes `certsDir` anew. A file that is not there configures nothing.
 *
 * @throws INVALID_ARGUMENT naming the key that is wrong, or the file it names that cannot be read
 */
export async function applyRegistries(file: string, certsDir: string): Promise<AppliedRegistries> {
  const config = parseRegistries(await readOptional(file), file);
  await checkFiles(config, file);
  const fresh = `${certsDir}.new`;
  const stale = `${certsDir}.old`;
  await rm(fresh, { recursive: true, force: true });
  await rm(stale, { recursive: true, force: true });
  await mkdir(join(fresh, OWN), { recursive: true, mode: 0o700 });
  const hosts = new Set([...config.mirrors.keys(), ...config.tls.keys(), ...config.credentials.keys()]);
  for (const host of hosts) {
    const name = host === '*' ? '_default' : host;
    await writeHost(join(fresh, name), hostsToml(config, host, { withCredentials: true }));
    await writeHost(join(fresh, OWN, name), hostsToml(config, host, { withCredentials: false }));
  }
  const buildkit = await buildkitRegistries(config, hosts, fresh, certsDir);
  await rename(certsDir, stale).catch(ignoreMissing);
  await rename(fresh, certsDir);
  await rm(stale, { recursive: true, force: true });
  return {
    hostDir: join(certsDir, OWN),
    buildkit,
    credentials: (host) => credentialsOf(config, host),
    warnings: warningsOf(config, file),
  };
}

async function writeHost(directory: string, toml: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'hosts.toml'), toml, { mode: 0o600 });
}

async function buildkitRegistries(
  config: RegistriesConfig,
  hosts: ReadonlySet<string>,
  fresh: string,
  certsDir: string,
): Promise<Record<string, BuildkitRegistry>> {
  const tables: Record<string, Record<string, boolean | readonly string[]>> = {};
  const tableOf = (host: string) => {
    const table = tables[host] ?? {};
    tables[host] = table;
    return table;
  };
  for (const [host, endpoints] of config.mirrors) {
    for (const { scheme, host: server } of endpoints) {
      tableOf(server === realHost(host) ? host : server)['http'] = scheme === 'http';
    }
    const mirrors = endpoints.filter((each) => each.host !== realHost(host));
    if (host === '*' || mirrors.length === 0) continue;
    // BuildKit puts /v2 before the path itself.
    tableOf(host)['mirrors'] = mirrors.map((each) => `${each.host}${each.path.replace(/^\/v2(?=\/|$)/, '')}`);
  }
  for (const host of new Set([...hosts, ...Object.keys(tables)])) {
    const tls = tlsOf(config, host);
    if (tls === undefined) continue;
    const table = tableOf(host);
    if (tls.insecureSkipVerify) table['insecure'] = true;
    if (tls.caFile !== undefined) table['ca'] = [tls.caFile];
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

function warningsOf(config: RegistriesConfig, file: string): string[] {
  return config.mirrors.has('*')
    ? [`${file}: mirrors of "*" do not reach builds, which know registries by name only`]
    : [];
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

async function readOptional(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    ignoreMissing(error);
    return '';
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
