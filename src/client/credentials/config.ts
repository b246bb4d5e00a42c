/** Docker's client configuration, `config.json`: how to authenticate with registries, to leave a container, to show lists. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, K3cError } from '../../api/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** An entry of `auths`. */
export interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

export interface DockerConfig {
  readonly auths: Readonly<Record<string, AuthEntry>>;
  /** A helper for every registry. */
  readonly credsStore?: string;
  /** Helpers for some registries; they win. */
  readonly credHelpers: Readonly<Record<string, string>>;
  /** What `--detach-keys` has when it is not given. */
  readonly detachKeys?: string;
  /** Proxies for what runs in containers, by the variable that names them. */
  readonly proxies: Readonly<Record<string, string>>;
  /** How lists look when no flag says so, by docker's key (`psFormat` …). */
  readonly formats: Readonly<Record<string, string>>;
}

/** Keys of `proxies.default` (docker/cli, ProxyConfig) and the variables they stand for. */
const PROXIES: Readonly<Record<string, string>> = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
};

/** Where it lies: in DOCKER_CONFIG, else in `~/.docker`; undefined when there is no home either. */
export function configPath(env: Environment): string | undefined {
  const directory = env['DOCKER_CONFIG'] || (env['HOME'] ? join(env['HOME'], '.docker') : undefined);
  return directory === undefined ? undefined : join(directory, 'config.json');
}

/** What there is without a file. */
export const EMPTY_CONFIG: DockerConfig = { auths: {}, credHelpers: {}, proxies: {}, formats: {} };

/**
 * Reads it; one that is not there, or has nothing in it, is empty.
 *
 * @throws K3cError when it cannot be read or is not JSON. docker warns of that and goes on without; only who is about to write the
 *   file must stop.
 */
export async function readConfig(env: Environment): Promise<DockerConfig> {
  const path = configPath(env);
  if (path === undefined) return EMPTY_CONFIG;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return EMPTY_CONFIG;
    throw new K3cError(Code.PERMISSION_DENIED, `cannot read ${path}`, { cause: error });
  }
  if (text.trim() === '') return EMPTY_CONFIG;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message quotes the file, which holds passwords: it must not get into an error.
    throw new K3cError(Code.INVALID_ARGUMENT, `${path} is not valid JSON`, { hint: 'mend it, or move it away' });
  }
  const config = record(parsed);
  const store = config['credsStore'];
  const keys = config['detachKeys'];
  return {
    auths: Object.fromEntries(Object.entries(record(config['auths'])).map(([key, value]) => [key, entry(value)])),
    credHelpers: strings(record(config['credHelpers'])),
    proxies: proxiesOf(record(record(config['proxies'])['default'])),
    formats: Object.fromEntries(
      Object.entries(strings(config)).filter(([key, text]) => /Format$/.test(key) && text !== ''),
    ),
    ...(typeof store === 'string' && store !== '' ? { credsStore: store } : {}),
    ...(typeof keys === 'string' && keys !== '' ? { detachKeys: keys } : {}),
  };
}

function proxiesOf(named: Record<string, unknown>): Record<string, string> {
  const given = Object.entries(strings(named)).filter(([, value]) => value !== '');
  return Object.fromEntries(given.flatMap(([key, value]) => (PROXIES[key] ? [[PROXIES[key], value]] : [])));
}

function entry(value: unknown): AuthEntry {
  return strings(record(value));
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function strings(value: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}
