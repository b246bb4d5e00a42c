/** Finds what the user has for a registry, where docker would find it. */
import type { AuthEntry, DockerConfig, Environment } from './config.ts';
import type { RegistryCredentials } from './credentials.ts';

export type { RegistryCredentials } from './credentials.ts';

/** Docker Hub's key in config.json. */
export const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

const hubHosts: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** The key under which docker keeps a registry's credentials. */
export function credentialsKey(registryHost: string): string {
  return hubHosts.includes(registryHost) ? DOCKER_HUB_KEY : registryHost;
}

/**
 * The credentials for a registry host (`host[:port]`; for Docker Hub any of its names), from docker's config.json: the
 * registry's own helper, then the general helper, then the file itself. Undefined when there are none. Throws when a helper fails.
 *
 * @param env of the user: what helpers run in
 * @param signal ends the helper: behind the front door no ^C reaches it by itself
 */
export async function lookupCredentials(
  registryHost: string,
  config: DockerConfig,
  env: Environment,
  signal?: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const key = credentialsKey(registryHost);
  const helper = config.credHelpers[key] ?? config.credHelpers[registryHost] ?? config.credsStore;
  if (helper !== undefined) {
    // Loaded only when needed: it brings node:child_process with it.
    const { askHelper } = await import('./helper.ts');
    const found = await askHelper(helper, key, env, signal);
    if (found !== undefined) return found;
  }
  const exact = config.auths[key];
  if (exact !== undefined) return fromEntry(exact);
  // Old entries are URLs: compare by the host in them.
  const similar = Object.entries(config.auths).find(([url]) => hostOf(url) === hostOf(key));
  return similar === undefined ? undefined : fromEntry(similar[1]);
}

/** The host of a key or of what a user names a registry by: without scheme and path. */
export function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

function fromEntry(entry: AuthEntry): RegistryCredentials | undefined {
  const decoded =
    entry.auth === undefined ? '' : Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  const username = colon > 0 ? decoded.slice(0, colon) : (entry.username ?? '');
  const password = colon > 0 ? decoded.slice(colon + 1) : (entry.password ?? '');
  const identityToken = entry.identitytoken || undefined;
  if (username === '' && password === '' && identityToken === undefined) return undefined;
  return { username, password, ...(identityToken === undefined ? {} : { identityToken }) };
}
