/** The host's own resolvers, as its resolv.conf names them now. */
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';

export interface HostResolvers {
  /** Addresses, in the order in which they are asked. */
  readonly servers: readonly string[];
}

/** The servers of a resolv.conf(5). More than three count, unlike for the C library; search lists are for those who ask. */
export function parseResolvConf(text: string): HostResolvers {
  const servers: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    const [word = ''] = words;
    // fe80::1%eth0 names its interface.
    if (keyword === 'nameserver' && isIP(word) !== 0) servers.push(word);
  }
  return { servers };
}

/** Public resolvers for a host that names none; docker's choice. */
const FALLBACK = ['8.8.8.8', '8.8.4.4'];
/** Between two looks at the files: nobody asks for names more often than he changes them. */
const LOOK_AGAIN_MS = 1000;

export interface HostResolverPaths {
  /** The one that counts. A stub on the loopback device, systemd-resolved's for one, is asked as it is: it knows scopes. */
  readonly main: string;
  /** Where such a stub names the servers behind it, asked when it does not answer. */
  readonly behindStub: string;
}

export const HOST_RESOLVER_PATHS: HostResolverPaths = {
  main: '/etc/resolv.conf',
  behindStub: '/run/systemd/resolve/resolv.conf',
};

/** Follows the files without watching them: a question that comes a second after the last look looks again. */
export class HostResolverFile {
  readonly #paths: HostResolverPaths;
  #seen = '';
  #known: HostResolvers = { servers: [] };
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(paths: HostResolverPaths = HOST_RESOLVER_PATHS) {
    this.#paths = paths;
  }

  /** What the files say, at most a second ago. A file that cannot be read says nothing. */
  async now(): Promise<HostResolvers> {
    if (performance.now() - this.#lookedAt >= LOOK_AGAIN_MS) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
    return this.#known;
  }

  async #look(): Promise<void> {
    const paths = [this.#paths.main, this.#paths.behindStub];
    const stamp = (await Promise.all(paths.map(stampOf))).join(' ');
    if (stamp !== this.#seen) {
      const [main, behind] = await Promise.all(paths.map(async (path) => parseResolvConf(await readOptional(path))));
      const servers = [...(main?.servers ?? [])];
      if (servers.length === 0 || servers.some(isLoopback)) servers.push(...(behind?.servers ?? []));
      this.#known = { servers: servers.length === 0 ? FALLBACK : [...new Set(servers)] };
      this.#seen = stamp;
    }
    this.#lookedAt = performance.now();
  }
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** A file that was written or replaced has another one. */
async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${ino}/${size}/${mtimeNs}/${ctimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}

/** Empty for one that is not there or cannot be read: the daemon serves names without any resolver. */
async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}
