/** Keeps what a login was made with where docker keeps it, and forgets it again. */
import { chown, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Code, K3cError } from '../../api/errors.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { configPath, type DockerConfig, type Environment, readConfig } from './config.ts';
import type { RegistryCredentials } from './credentials.ts';

export interface Kept {
  /** The file that holds the password itself, merely encoded; undefined where a helper keeps it, or it is an identity token. */
  readonly plainIn: string | undefined;
}

/** The helper that keeps a registry's credentials, if any. */
function helperFor(config: DockerConfig, key: string): string | undefined {
  return config.credHelpers[key] ?? config.credsStore;
}

/** Where credentials under a key would be kept: the file in plain sight, or nowhere to be seen. Asked before they are. */
export async function whereKept(key: string, credentials: RegistryCredentials, env: Environment): Promise<Kept> {
  const helped = helperFor(await readConfig(env), key) !== undefined;
  return { plainIn: helped || credentials.identityToken !== undefined ? undefined : pathOf(env) };
}

/**
 * Keeps credentials under a key of config.json (`credentialsKey`), by the helper that is configured for it or in the file, of which
 * every other key stays as it is.
 */
export async function storeCredentials(key: string, credentials: RegistryCredentials, env: Environment): Promise<void> {
  const helper = helperFor(await readConfig(env), key);
  if (helper !== undefined) {
    const { storeWithHelper } = await import('./helper.ts');
    await storeWithHelper(helper, key, credentials, env);
  }
  // An entry without a secret says which registries a helper knows, as docker leaves it.
  const entry = helper === undefined ? entryOf(credentials) : {};
  await change(env, (auths) => ({ ...auths, [key]: entry }));
}

/** Forgets what is kept under these keys. Rejects when a helper fails; keys that nothing is kept under are no failure. */
export async function eraseCredentials(keys: readonly string[], env: Environment): Promise<void> {
  const config = await readConfig(env);
  const failures: unknown[] = [];
  for (const key of keys) {
    const helper = helperFor(config, key);
    if (helper === undefined) continue;
    const { eraseWithHelper } = await import('./helper.ts');
    await eraseWithHelper(helper, key, env).catch((error: unknown) => failures.push(error));
  }
  if (keys.some((key) => config.auths[key] !== undefined)) {
    await change(env, (auths) => Object.fromEntries(Object.entries(auths).filter(([key]) => !keys.includes(key))));
  }
  // One of them is what it was kept under; helpers may say of the others that they know nothing.
  if (failures.length > 0 && failures.length === keys.length) throw failures[0];
}

function entryOf({ username, password, identityToken }: RegistryCredentials): Record<string, string> {
  const secret = identityToken === undefined ? password : '';
  const auth = Buffer.from(`${username}:${secret}`).toString('base64');
  return identityToken === undefined ? { auth } : { auth, identitytoken: identityToken };
}

function pathOf(env: Environment): string {
  const path = configPath(env);
  if (path === undefined) {
    throw new K3cError(
      Code.FAILED_PRECONDITION,
      'there is no place for credentials: neither DOCKER_CONFIG nor HOME is set',
    );
  }
  return path;
}

type Auths = Readonly<Record<string, unknown>>;

async function change(env: Environment, edit: (auths: Auths) => Auths): Promise<void> {
  const named = pathOf(env);
  await mkdir(dirname(named), { recursive: true, mode: 0o700 });
  // A link to the file stays one.
  const path = (await realpath(named).catch(ignoreMissing)) ?? named;
  const text = await readFile(path, 'utf8').catch(ignoreMissing);
  // readConfig has read it before: it is JSON.
  const document = JSON.parse(text === undefined || text.trim() === '' ? '{}' : text) as Record<string, unknown>;
  const before = document['auths'];
  const auths = typeof before === 'object' && before !== null ? (before as Auths) : {};
  const owner = await stat(path).catch(ignoreMissing);
  await writeFileAtomic(path, `${JSON.stringify({ ...document, auths: edit(auths) }, undefined, '\t')}\n`, 0o600);
  // root may log in on behalf of the file's owner (sudo keeps HOME).
  if (owner !== undefined && process.getuid?.() === 0) await chown(path, owner.uid, owner.gid);
}

function ignoreMissing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}
