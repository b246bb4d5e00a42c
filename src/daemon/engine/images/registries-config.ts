/** registries.yaml in k3s's format (docs.k3s.io/installation/private-registry): mirrors, rewrites, credentials, TLS. */
import { parse } from 'yaml';
import { Code, K3cError } from '../../../api/errors.ts';
import type { RegistryServerTls } from '../../backends/registry/server.ts';
import type { Credentials } from '../../backends/transfer.ts';
import { compileRewrite, prefixOf, type Rewrite } from './rewrite.ts';

export type RegistryTls = RegistryServerTls;

export interface Endpoint {
  readonly scheme: 'http' | 'https';
  /** host or host:port */
  readonly host: string;
  /** Below the host, without a slash at its end: /v2 unless the endpoint says otherwise, and a prefix that a rewrite adds. */
  readonly path: string;
  /** Rules for the names of repositories that no path can stand for. */
  readonly rewrites: readonly Rewrite[];
  /** Repositories have other names there, by a path or by rules. */
  readonly rewritten: boolean;
}

export interface RegistriesConfig {
  /** Endpoints by registry host, `*` for all, in the order they are tried. */
  readonly mirrors: ReadonlyMap<string, readonly Endpoint[]>;
  readonly tls: ReadonlyMap<string, RegistryTls>;
  readonly credentials: ReadonlyMap<string, NonNullable<Credentials>>;
}

type Table = Readonly<Record<string, unknown>>;

class Reader {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  fail(message: string, cause?: unknown): never {
    throw new K3cError(Code.INVALID_ARGUMENT, `${this.#file}: ${message}`, { reason: 'bad-input', cause });
  }

  table(value: unknown, where: string, keys?: readonly string[]): Table {
    if (value === undefined || value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) this.fail(`${where} must be a table`);
    const table = value as Table;
    const unknown = keys === undefined ? undefined : Object.keys(table).find((key) => !keys.includes(key));
    if (unknown !== undefined) this.fail(`${where} has no key ${unknown}, only ${(keys ?? []).join(', ')}`);
    return table;
  }

  /** A key that is the host of a registry: it becomes the name of a directory. */
  host(key: string, where: string): string {
    if (key !== '*' && !/^(\[[\da-fA-F:]+\]|[a-zA-Z\d][\w.-]*)(:\d+)?$/.test(key))
      this.fail(`${where}: ${JSON.stringify(key)} is not a host or host:port; leave scheme and path away`);
    return key;
  }

  text(value: unknown, where: string): string | undefined {
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string' && typeof value !== 'number') this.fail(`${where} must be a string`);
    return String(value);
  }
}

/** Parses the text of the file. Throws INVALID_ARGUMENT that names the key. */
export function parseRegistries(text: string, file: string): RegistriesConfig {
  const reader = new Reader(file);
  let document: unknown;
  try {
    // Its warnings would go to stderr, and they quote the file.
    document = parse(text, { logLevel: 'error' });
  } catch (error) {
    // Without the cause: it quotes lines of the file, which holds passwords, and causes are logged.
    reader.fail(`not YAML: ${error instanceof Error ? error.message.split('\n')[0] : 'it cannot be parsed'}`);
  }
  const top = reader.table(document, 'the file', ['mirrors', 'configs']);
  const mirrors = new Map<string, readonly Endpoint[]>();
  for (const [host, value] of Object.entries(reader.table(top['mirrors'], 'mirrors'))) {
    mirrors.set(reader.host(host, 'mirrors'), parseMirror(reader, host, value));
  }
  const tls = new Map<string, RegistryTls>();
  const credentials = new Map<string, NonNullable<Credentials>>();
  for (const [host, value] of Object.entries(reader.table(top['configs'], 'configs'))) {
    const where = `configs.${reader.host(host, 'configs')}`;
    const config = reader.table(value, where, ['auth', 'tls']);
    const who = parseAuth(reader, config['auth'], `${where}.auth`);
    if (who !== undefined) credentials.set(host, who);
    if (config['tls'] !== undefined && config['tls'] !== null) tls.set(host, parseTls(reader, config['tls'], where));
  }
  return { mirrors, tls, credentials };
}

function parseMirror(reader: Reader, host: string, value: unknown): Endpoint[] {
  const where = `mirrors.${host}`;
  const mirror = reader.table(value, where, ['endpoint', 'rewrite']);
  const list = mirror['endpoint'] ?? [];
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'string')) {
    reader.fail(`${where}.endpoint must be a list of addresses`);
  }
  const rules = parseRewrites(reader, mirror['rewrite'], `${where}.rewrite`);
  const prefix = prefixOf(rules);
  const rewrites = prefix === undefined ? rules.map(([from, to]) => compiled(reader, from, to, where)) : [];
  return (list as string[]).map((address) => {
    const endpoint = parseEndpoint(reader, address, `${where}.endpoint`);
    const path = prefix === undefined ? endpoint.path : `${endpoint.path}/${prefix}`;
    return { ...endpoint, path, rewrites, rewritten: rules.length > 0 };
  });
}

function parseRewrites(reader: Reader, value: unknown, where: string): [string, string][] {
  return Object.entries(reader.table(value, where)).map(([pattern, replacement]) => {
    if (typeof replacement !== 'string')
      reader.fail(`${where}: what ${JSON.stringify(pattern)} becomes must be a string`);
    return [pattern, replacement];
  });
}

function compiled(reader: Reader, pattern: string, replacement: string, where: string): Rewrite {
  try {
    return compileRewrite(pattern, replacement);
  } catch (error) {
    return reader.fail(`${where}.rewrite: ${JSON.stringify(pattern)} is not a regular expression`, error);
  }
}

function parseEndpoint(reader: Reader, address: string, where: string): Pick<Endpoint, 'scheme' | 'host' | 'path'> {
  const loopback = /^(localhost|127\.[0-9.]+|\[::1\])(:|\/|$)/.test(address);
  let url: URL;
  try {
    url = new URL(address.includes('://') ? address : `${loopback ? 'http' : 'https'}://${address}`);
  } catch {
    // Without the cause, which has the address as it was written.
    reader.fail(`${where}: ${JSON.stringify(withoutUser(address))} is not an address`);
  }
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'http' && scheme !== 'https')
    reader.fail(`${where}: ${withoutUser(address)} must begin with http:// or https://`);
  if (url.username !== '') reader.fail(`${where}: give credentials in configs, not in the address of ${url.host}`);
  const path = url.pathname.replace(/\/+$/, '');
  return { scheme, host: url.host, path: path === '' ? '/v2' : path };
}

/** For errors, which are logged: somebody may have put a password into an address. */
function withoutUser(address: string): string {
  return address.replace(/^([^/]*\/\/)?.*@/, '$1');
}

function parseAuth(reader: Reader, value: unknown, where: string): Credentials {
  const auth = reader.table(value, where, ['username', 'password', 'auth', 'identity_token']);
  const token = reader.text(auth['identity_token'], `${where}.identity_token`);
  if (token !== undefined) return { identityToken: token };
  const username = reader.text(auth['username'], `${where}.username`);
  if (username !== undefined) return { username, password: reader.text(auth['password'], `${where}.password`) ?? '' };
  const encoded = reader.text(auth['auth'], `${where}.auth`);
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) reader.fail(`${where}.auth must be user:password in base64`);
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function parseTls(reader: Reader, value: unknown, host: string): RegistryTls {
  const where = `${host}.tls`;
  const tls = reader.table(value, where, ['ca_file', 'cert_file', 'key_file', 'insecure_skip_verify']);
  const skip = tls['insecure_skip_verify'] ?? false;
  if (typeof skip !== 'boolean') reader.fail(`${where}.insecure_skip_verify must be true or false`);
  const caFile = reader.text(tls['ca_file'], `${where}.ca_file`);
  const certFile = reader.text(tls['cert_file'], `${where}.cert_file`);
  const keyFile = reader.text(tls['key_file'], `${where}.key_file`);
  if ((certFile === undefined) !== (keyFile === undefined)) {
    reader.fail(`${where} needs cert_file and key_file together`);
  }
  return {
    insecureSkipVerify: skip,
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  };
}
