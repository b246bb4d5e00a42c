/**
 * The daemon's configuration, as k3s does it: flags win over environment (K3C_…), environment over the same names as keys
 * in config.yaml, those over the defaults.
 */
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { Code, K3cError } from '../api/errors.ts';
import { parseRuntimes, type Runtimes, runtimesOfFile } from './runtimes.ts';

export interface DaemonConfig {
  /** What outlives a reboot: images, volumes, database. */
  readonly root: string;
  /** What does not: sockets, FIFOs. */
  readonly state: string;
  /** The gateway's socket. */
  readonly address: string;
  /** Owns the socket where it exists. */
  readonly group: string;
  readonly bridgeName: string;
  /** Empty: a free subnet is chosen. */
  readonly bridgeCidr: string;
  readonly registries: string;
  /** Somebody named that file, so it must be there. */
  readonly registriesNamed: boolean;
  readonly snapshotter: string;
  /** Bytes that build cache may take; 0: a tenth of the disk. */
  readonly buildCacheBytes: number;
  /** OCI runtimes besides our own runc: absolute paths by name. */
  readonly runtimes: Runtimes;
  /** Directories of CDI specifications. */
  readonly cdiSpecDirs: readonly string[];
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'json' | 'text';
}

/** One setting: its key in config.yaml, which is also its flag, and what `k3c daemon --help` says of it. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** It may be given several times, and with commas; a list in config.yaml. */
  readonly list?: boolean;
  readonly help: string;
}

export const settings: readonly Setting[] = [
  { key: 'root', value: 'DIR', help: 'where images, volumes and the database live (default /var/lib/k3c)' },
  { key: 'state', value: 'DIR', help: 'where sockets and FIFOs live (default /run/k3c)' },
  { key: 'address', value: 'SOCKET', help: 'the socket to serve (default STATE/k3c.sock)' },
  { key: 'config', value: 'FILE', help: 'configuration file with these names as keys (default /etc/k3c/config.yaml)' },
  {
    key: 'registries',
    value: 'FILE',
    help: 'registry mirrors, credentials and TLS (default /etc/k3c/registries.yaml)',
  },
  { key: 'group', value: 'NAME', help: 'group that may use the socket, where it exists (default k3c)' },
  { key: 'bridge-name', value: 'NAME', help: 'bridge of the default network (default k3c0)' },
  { key: 'bridge-cidr', value: 'CIDR', help: 'subnet of the default network (default: a free one is chosen)' },
  { key: 'snapshotter', value: 'NAME', help: 'overlayfs or native (default: overlayfs where the kernel can)' },
  {
    key: 'build-cache',
    value: 'SIZE',
    help: 'disk space that build cache may keep, e.g. 20GB (default: a tenth of the disk)',
  },
  {
    key: 'add-runtime',
    value: 'NAME=PATH',
    list: true,
    help: "another OCI runtime, for --runtime NAME of run (config.yaml also takes docker's runtimes: {NAME: {path: PATH}})",
  },
  {
    key: 'cdi-spec-dirs',
    value: 'DIR',
    list: true,
    help: 'directories of CDI specifications (default /etc/cdi,/var/run/cdi)',
  },
  { key: 'log-level', value: 'LEVEL', help: 'trace, debug, info, warn or error (default info)' },
  { key: 'log-format', value: 'FORMAT', help: 'json or text (default: text on a terminal, else json)' },
];

const DEFAULT_FILE = '/etc/k3c/config.yaml';

/**
 * Puts the configuration together.
 * @param flags as typed, by key
 * @param env the process's environment
 * @param isTty whether the log goes to a terminal
 * @throws K3cError INVALID_ARGUMENT naming the setting, where it came from, and what it takes
 */
export async function loadConfig(
  flags: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
  isTty: boolean,
): Promise<DaemonConfig> {
  const file = flags['config'] ?? env['K3C_CONFIG'];
  const fromFile = await readConfigFile(file ?? DEFAULT_FILE, file !== undefined);
  const pick = (key: string, fallback: string): string =>
    flags[key] ?? env[`K3C_${key.toUpperCase().replaceAll('-', '_')}`] ?? fromFile[key] ?? fallback;
  const isNamed = (key: string): boolean => pick(key, '') !== '';
  const path = (key: string, fallback: string): string => {
    const value = pick(key, fallback).replace(/^unix:\/\//, '');
    if (value === '') throw bad(`${key} is empty; it takes a path`);
    if (/^[a-z]+:\/\//.test(value))
      throw bad(`${key} is "${value}"; it takes a path, and the daemon serves unix sockets only`);
    return isAbsolute(value) ? value : resolve(value);
  };
  const list = (key: string, fallback: string): string[] => pick(key, fallback).split(',').filter(Boolean);
  const state = path('state', '/run/k3c');
  return {
    root: path('root', '/var/lib/k3c'),
    state,
    address: socketPath(path('address', join(state, 'k3c.sock'))),
    group: pick('group', 'k3c'),
    bridgeName: interfaceName(pick('bridge-name', 'k3c0')),
    bridgeCidr: pick('bridge-cidr', ''),
    registries: path('registries', '/etc/k3c/registries.yaml'),
    registriesNamed: isNamed('registries'),
    snapshotter: oneOf('snapshotter', pick('snapshotter', ''), ['', 'overlayfs', 'native']),
    buildCacheBytes: bytes('build-cache', pick('build-cache', '0')),
    runtimes: parseRuntimes(list('add-runtime', '')),
    cdiSpecDirs: list('cdi-spec-dirs', '/etc/cdi,/var/run/cdi').map((directory) => resolve(directory)),
    logLevel: oneOf('log-level', pick('log-level', 'info'), ['trace', 'debug', 'info', 'warn', 'error']),
    logFormat: oneOf('log-format', pick('log-format', isTty ? 'text' : 'json'), ['json', 'text']),
  };
}

async function readConfigFile(path: string, required: boolean): Promise<Record<string, string>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (!required && (cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw bad(`cannot read the configuration file ${path}: ${(cause as Error).message}`, cause);
  }
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw bad(`the configuration file ${path} is not YAML: ${(cause as Error).message}`, cause);
  }
  if (document === null || document === undefined) return {};
  if (typeof document !== 'object' || Array.isArray(document))
    throw bad(`the configuration file ${path} must hold keys and values`);
  const lists = new Set(settings.filter((setting) => setting.list).map((setting) => setting.key));
  const known = new Set([...settings.map((setting) => setting.key), 'runtimes']);
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(document)) {
    if (!known.has(key)) throw bad(`unknown key "${key}" in ${path}; the keys are ${[...known].join(', ')}`);
    if (key === 'runtimes') continue;
    if (lists.has(key) && Array.isArray(value)) values[key] = value.join(',');
    else if (typeof value === 'object') throw bad(`key "${key}" in ${path} takes one value`);
    else values[key] = String(value);
  }
  const runtimes = 'runtimes' in document ? runtimesOfFile(document.runtimes, path) : [];
  if (runtimes.length > 0) values['add-runtime'] = [...runtimes, values['add-runtime'] ?? ''].join(',');
  return values;
}

function oneOf<T extends string>(key: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined)
    throw bad(`${key} is "${value}"; it takes ${allowed.filter((name) => name !== '').join(', ')}`);
  return found;
}

/** Linux' limit: 15 bytes; a slash or white space cannot be in an interface name. */
function interfaceName(name: string): string {
  if (!/^[^\s/]{1,15}$/.test(name))
    throw bad(`bridge-name is "${name}"; an interface name has 1 to 15 characters, no space and no slash`);
  return name;
}

/** Linux' limit for unix socket paths is 107 bytes. */
function socketPath(path: string): string {
  if (Buffer.byteLength(path) > 107)
    throw bad(
      `the socket path ${path} is longer than the 107 bytes that Linux allows; choose a shorter --state or --address`,
    );
  return path;
}

function bytes(key: string, value: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?$/i.exec(value);
  if (match === null) throw bad(`${key} is "${value}"; it takes a size such as 20GB`);
  const exponent = ' kmgt'.indexOf((match[2] ?? ' ').toLowerCase());
  const base = (match[3] ?? '') === '' ? 1000 : 1024;
  return Math.floor(Number(match[1]) * base ** exponent);
}

function bad(message: string, cause?: unknown): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', cause });
}
