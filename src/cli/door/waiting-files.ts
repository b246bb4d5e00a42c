/**
 * Files that may keep their reader waiting for ever: FIFOs, and whatever lies on a file system that another machine or a program
 * answers for. The daemon must not touch them: a call on one holds its only thread, or one of the four that do its work with files. A
 * command that names one has a process of its own, which waits as any other program would.
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { configPath, type Environment } from '../../client/credentials/config.ts';
import { mountsThatMayHang } from '../../host/mount-table.ts';

/** As many links as the kernel follows in one path (path_resolution(7)). */
const LINK_LIMIT = 40;

/** Flags of containers whose values are files that the command itself reads or writes. */
const FILE_FLAG = /^--(?:env-file|label-file|cidfile|pod-id-file|security-opt)(?:=(.*))?$/s;

/**
 * Whether a command line names such a file. It may err on that side: the price is the start of a process.
 *
 * @param cwd absolute, where the paths of the command line begin
 */
export function mayWait(argv: readonly string[], cwd: string, mounts = mountsThatMayHang): boolean {
  const paths = pathsOf(argv);
  if (paths.length === 0) return false;
  const hanging = mounts();
  return paths.some((path) => path !== '' && !path.includes('\0') && leadsToWaiting(resolve(cwd, path), hanging));
}

/**
 * Whether reading the user's config.json may wait, which nearly every command does. One that is named from the working directory would be
 * another in the daemon's.
 */
export function configMayWait(env: Environment, mounts: () => ReadonlySet<string>): boolean {
  const path = configPath(env);
  if (path === undefined) return false;
  return !isAbsolute(path) || path.includes('\0') || leadsToWaiting(path, mounts());
}

/**
 * The mounts that may hang, looked up when they are asked for and it is long enough since the last time: a machine with many containers
 * has so long a table that reading it for every command would be most of a small one.
 */
export class RecentMounts {
  readonly #read: () => ReadonlySet<string>;
  readonly #maxAgeMs: number;
  #known: { readonly mounts: ReadonlySet<string>; readonly at: number } | undefined;

  constructor(read = mountsThatMayHang, maxAgeMs = 1000) {
    this.#read = read;
    this.#maxAgeMs = maxAgeMs;
  }

  mounts(): ReadonlySet<string> {
    const now = performance.now();
    if (this.#known === undefined || now - this.#known.at > this.#maxAgeMs)
      this.#known = { mounts: this.#read(), at: now };
    return this.#known.mounts;
  }
}

/** All words that the command may take for files of this machine. */
function pathsOf(argv: readonly string[]): string[] {
  const verb = argv[0] === 'image' || argv[0] === 'builder' || argv[0] === 'container' ? argv[1] : argv[0];
  if (verb === 'build') return argv.slice(1).flatMap(piecesOf);
  // A path in a container is no path here.
  if (verb === 'cp') return argv.slice(1).filter((word) => /^[./]/.test(word) || !word.includes(':'));
  return argv.flatMap((word, i) => {
    const match = FILE_FLAG.exec(word);
    if (match === null) return [];
    return [(match[1] ?? argv[i + 1] ?? '').replace(/^seccomp[=:]/, '')];
  });
}

/** `DIR`, `--flag=FILE`, `-fFILE`, `key=FILE,key=FILE`, `oci-layout://DIR:TAG` */
function piecesOf(word: string): string[] {
  const pieces = word.split(/[=,]/);
  const short = /^-\w/.test(word) ? [word.slice(2), word.slice(3)] : [];
  const layouts = pieces.flatMap((piece) => /^oci-layout:\/\/(.*?)(?::[\w.-]*)?(?:@.*)?$/.exec(piece)?.[1] ?? []);
  return [word, ...pieces, ...short, ...layouts];
}

/** Whether going along a path as the kernel would meets such a file. Nothing on a mount that may hang is touched. */
function leadsToWaiting(path: string, hanging: ReadonlySet<string>): boolean {
  try {
    const end = follow(path, hanging);
    if (end === undefined) return true;
    const below = end === '/' ? end : `${end}/`;
    return [...hanging].some((mount) => mount.startsWith(below));
  } catch (error) {
    // What is not there, or not for us to see, is the command's to tell. For anything stranger it had better be alone.
    const { code = '' } = error as NodeJS.ErrnoException;
    return !['ENOENT', 'ENOTDIR', 'EACCES', 'ENAMETOOLONG', 'ELOOP', 'EINVAL'].includes(code);
  }
}

/** Where a path leads in the end; undefined where that may wait. Throws the system's error. */
function follow(path: string, hanging: ReadonlySet<string>): string | undefined {
  let rest = path.split('/');
  let at = '/';
  for (let links = 0; links <= LINK_LIMIT; ) {
    const [name, ...others] = rest;
    if (name === undefined) return at;
    rest = others;
    if (name === '' || name === '.') continue;
    const next = name === '..' ? dirname(at) : join(at, name);
    if (hanging.has(next)) return undefined;
    const stats = lstatSync(next);
    if (stats.isFIFO()) return undefined;
    if (!stats.isSymbolicLink()) at = next;
    else {
      links++;
      const target = readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      rest = [...target.split('/'), ...rest];
    }
  }
  throw Object.assign(new Error(`too many links: ${path}`), { code: 'ELOOP' });
}
