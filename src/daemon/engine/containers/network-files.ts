/** /etc/hosts, /etc/hostname and /etc/resolv.conf of a container, as docker writes them. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import type { NetworkMode, NetworkSpec } from '../../state/spec.ts';

const FIXED_HOSTS = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/** Public resolvers for a host that names none a container could reach; docker's choice. */
const FALLBACK_NAMESERVERS = ['8.8.8.8', '8.8.4.4'];

/** Where resolvers are found, first match wins: a stub on the loopback device names its upstreams in the second. */
const RESOLV_CONF = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'] as const;

export interface NetworkFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export function networkFiles(directory: string): NetworkFiles {
  return {
    hosts: join(directory, 'hosts'),
    hostname: join(directory, 'hostname'),
    resolvConf: join(directory, 'resolv.conf'),
  };
}

export interface NetworkIdentity {
  readonly networkMode: NetworkMode;
  readonly hostname: string;
  /** --dns, --dns-search, --dns-option and --add-host. */
  readonly asked: Pick<NetworkSpec, 'dns' | 'dnsSearch' | 'dnsOptions' | 'extraHosts' | 'domainname'>;
  /** What host-gateway stands for: an address of this host that the container reaches; empty where there is none. */
  readonly hostGateway: string;
  /** Where names are answered on its network; absent: it asks the host's resolvers itself. */
  readonly resolver?: string | undefined;
}

/** Writes all three. The addresses follow with writeHosts, into the same inode. */
export async function writeNetworkFiles(directory: string, identity: NetworkIdentity): Promise<NetworkFiles> {
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const files = networkFiles(directory);
  await Promise.all([
    writeFile(files.hostname, `${identity.hostname}\n`),
    writeHosts(files, identity, []),
    resolvConf(identity).then((text) => writeFile(files.resolvConf, text)),
  ]);
  return files;
}

/** Writes /etc/hosts. On the host's network it is the host's own. */
export async function writeHosts(
  files: NetworkFiles,
  identity: NetworkIdentity,
  addresses: readonly string[],
): Promise<void> {
  const text =
    identity.networkMode === 'host' ? await readOptional('/etc/hosts') : hostsFile(fullName(identity), addresses);
  await writeFile(files.hosts, text + extraHosts(identity));
}

/** Nobody needs so many names; whoever fills a file with more must not have it read. */
export const MAX_BYTES = 1 << 20;

/** Follows a container that runs to other addresses: what else is in the file stays as it is, and the inode the same. */
export async function changeHosts(
  files: Pick<NetworkFiles, 'hosts'>,
  identity: NetworkIdentity,
  { added, removed }: { readonly added: readonly string[]; readonly removed: readonly string[] },
): Promise<void> {
  if (added.length + removed.length === 0 || (await stat(files.hosts)).size > MAX_BYTES) return;
  const kept = (await readFile(files.hosts, 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !removed.includes(line.split(/\s/, 1)[0] ?? ''));
  await writeFile(files.hosts, [...kept, ...added.map((address) => hostsLine(identity, address)), ''].join('\n'));
}

/** The container's own, for one of its addresses. */
export function hostsLine(identity: Pick<NetworkIdentity, 'hostname' | 'asked'>, address: string): string {
  return `${address}\t${namesOf(fullName(identity))}`;
}

/**
 * Follows a container that runs to the resolver of another network: the gateway that it asked goes with the network that it left. A
 * resolver that the container put there itself stays.
 * @param before undefined: it was on no network, and has the resolver of an earlier one
 */
export async function changeResolver(
  files: Pick<NetworkFiles, 'resolvConf'>,
  before: string | undefined,
  { asked, resolver }: Pick<NetworkIdentity, 'asked' | 'resolver'>,
): Promise<void> {
  if (resolver === undefined || asked.dns.some(isLoopback)) return;
  if ((await stat(files.resolvConf)).size > MAX_BYTES) return;
  const text = await readFile(files.resolvConf, 'utf8');
  const [line, ...more] = nameServerLines(text);
  if (line === undefined || more.length > 0 || nameserver(line) === resolver) return;
  if (before !== undefined && nameserver(line) !== before) return;
  await writeFile(files.resolvConf, text.replace(line, `nameserver ${resolver}`));
}

function nameServerLines(text: string): string[] {
  return text.split('\n').filter((line) => /^\s*nameserver\s/.test(line));
}

/** The addresses that a resolv.conf names. */
export function nameServersOf(text: string): string[] {
  return nameServerLines(text).map(nameserver);
}

/** Lines of --add-host, after all others as docker has them. */
function extraHosts({ asked, hostGateway }: NetworkIdentity): string {
  return asked.extraHosts
    .map((entry) => {
      const colon = entry.indexOf(':');
      const address = entry.slice(colon + 1);
      return `${address === 'host-gateway' ? hostGateway : address}\t${entry.slice(0, colon)}\n`;
    })
    .join('');
}

function fullName({ hostname, asked }: Pick<NetworkIdentity, 'hostname' | 'asked'>): string {
  return asked.domainname === '' || hostname.includes('.') ? hostname : `${hostname}.${asked.domainname}`;
}

/** What --dns, --dns-search and --dns-option name takes the place of what the text has of its kind (moby, resolvconf). */
export function askedResolvConf(text: string, asked: Pick<NetworkSpec, 'dns' | 'dnsSearch' | 'dnsOptions'>): string {
  const kinds: readonly (readonly [keyword: string, lines: readonly string[], given: boolean])[] = [
    ['nameserver', asked.dns.map((address) => `nameserver ${address}`), asked.dns.length > 0],
    [
      'search',
      // A dot alone is docker's word for no search list.
      asked.dnsSearch.includes('.') ? [] : [`search ${asked.dnsSearch.join(' ')}`],
      asked.dnsSearch.length > 0,
    ],
    ['options', [`options ${asked.dnsOptions.join(' ')}`], asked.dnsOptions.length > 0],
  ];
  const replaced = kinds.filter(([, , given]) => given);
  if (replaced.length === 0) return text;
  const names = new Set(replaced.flatMap(([keyword]) => (keyword === 'search' ? ['search', 'domain'] : [keyword])));
  const kept = text.split('\n').filter((line) => line !== '' && !names.has(line.trim().split(/\s+/)[0] ?? ''));
  return `${[...kept, ...replaced.flatMap(([, lines]) => lines)].join('\n')}\n`;
}

/** docker's /etc/hosts: a line for each address. A dotted hostname is known by its first label too. */
export function hostsFile(hostname: string, addresses: readonly string[]): string {
  const names = namesOf(hostname);
  return `${[...FIXED_HOSTS, ...addresses.map((address) => `${address}\t${names}`)].join('\n')}\n`;
}

function namesOf(hostname: string): string {
  const [label] = hostname.split('.', 1);
  return `${hostname}${label === hostname ? '' : ` ${label}`}`;
}

/** With a resolver on its network only the search list and the options come from the host. */
async function resolvConf({ networkMode, asked, resolver }: NetworkIdentity): Promise<string> {
  // A container that names its own loopback device runs a resolver itself.
  if (resolver !== undefined && networkMode !== 'host' && !asked.dns.some(isLoopback))
    return resolvConfWith(await readOptional(RESOLV_CONF[0]), resolver, asked);
  return askedResolvConf(await hostResolvConf(networkMode), asked);
}

/**
 * The resolv.conf of a container whose network has a resolver. --dns is not in it: that is where the resolver asks for this
 * container. As docker has it, a name is tried as it is before the search list (ndots:0): a container must not lose its name to
 * a host of that name in a domain of the list, nor wait for the answer that there is none.
 */
export function resolvConfWith(
  host: string,
  resolver: string,
  asked: Pick<NetworkSpec, 'dnsSearch' | 'dnsOptions'>,
): string {
  const text = askedResolvConf(host, { ...asked, dns: [resolver] });
  const lines = text.split('\n').filter((line) => /^\s*(nameserver|search|domain)\s/.test(line));
  const options = text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([keyword, ...words]) => (keyword === 'options' ? words : []))
    .filter((word) => !word.startsWith('ndots:') || asked.dnsOptions.includes(word));
  if (!options.some((word) => word.startsWith('ndots:'))) options.push('ndots:0');
  return `${[...lines, `options ${options.join(' ')}`].join('\n')}\n`;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

async function hostResolvConf(mode: NetworkMode): Promise<string> {
  const texts: string[] = [];
  for (const path of RESOLV_CONF) {
    const text = await readOptional(path);
    if (mode === 'host') return text;
    texts.push(text);
    if (reachable(text)) break;
  }
  return containerResolvConf(texts);
}

/**
 * The resolv.conf of a container with its own network namespace: the first text that names a resolver which is not on
 * the host's loopback device (unreachable from there), those resolvers left out; else public ones.
 */
export function containerResolvConf(texts: readonly string[]): string {
  const text = texts.find(reachable);
  const source = text ?? texts[0] ?? '';
  const lines = source
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[#;]/.test(line));
  const kept = lines.filter((line) => !line.startsWith('nameserver') || isReachable(nameserver(line)));
  if (text === undefined) kept.push(...FALLBACK_NAMESERVERS.map((address) => `nameserver ${address}`));
  return `${kept.join('\n')}\n`;
}

function reachable(text: string): boolean {
  return text.split('\n').some((line) => /^\s*nameserver\s/.test(line) && isReachable(nameserver(line)));
}

function nameserver(line: string): string {
  return line.trim().split(/\s+/)[1] ?? '';
}

function isReachable(address: string): boolean {
  // The bridge is IPv4 only, so no IPv6 resolver can be reached from it.
  return isIPv4(address) && !address.startsWith('127.');
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // A host without the file is an ordinary host (no resolver, no systemd).
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
