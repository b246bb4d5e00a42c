/** Walks a build context in fsutil's order and yields what its patterns keep. */
import { type Dirent, readdirSync } from 'node:fs';
import { filePath } from './bytes.ts';
import { dropNested, followLinks, isMissing } from './follow-links.ts';
import { type Pattern, PatternList } from './patterns.ts';
import { type FileStat, StatReader } from './stat.ts';

/** What the daemon asks for, all of them byte strings. */
export interface Selection {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly followPaths?: readonly string[] | undefined;
}

interface Directory {
  readonly path: string;
  readonly include: Uint8Array | undefined;
  readonly exclude: Uint8Array | undefined;
  /** Its own stat went out; a directory that is not selected goes out before its first selected child. */
  sent: boolean;
}

interface Filter {
  readonly include: PatternList | undefined;
  readonly exclude: PatternList | undefined;
  /** No pattern has a wildcard before its end, so a directory that leads to none of them need not be read. */
  readonly plainIncludes: boolean;
  readonly plainExceptions: boolean;
}

/**
 * Yields the stats of the selected entries: parents before children, names of a directory in byte order. Only what is kept is
 * stat'ed. Entries that vanish meanwhile are left out. Throws the system's error for what cannot be read and was not excluded.
 */
export function* walkContext(root: string, selection: Selection): Generator<FileStat> {
  const filter = compileFilter(root, selection);
  yield* walkEntries(root, filter, new StatReader(root), [], '', readEntries(root, ''));
}

function* walkEntries(
  root: string,
  filter: Filter,
  reader: StatReader,
  parents: Directory[],
  path: string,
  entries: readonly Dirent[],
): Generator<FileStat> {
  for (const entry of entries) {
    const child = path === '' ? entry.name : `${path}/${entry.name}`;
    const directory: Directory | undefined = entry.isDirectory()
      ? { path: child, include: recordOf(filter.include), exclude: recordOf(filter.exclude), sent: false }
      : undefined;
    const verdict = judge(filter, child, parents[parents.length - 1], directory);
    if (verdict === 'prune') continue;
    if (verdict === 'keep') {
      const stats = unlessMissing(() => readWithParents(reader, parents, child));
      if (stats === undefined) continue;
      if (directory !== undefined) directory.sent = true;
      yield* stats;
    }
    if (directory === undefined) continue;
    const below = unlessMissing(() => readEntries(root, child, verdict === 'pass'));
    if (below === undefined) continue;
    parents.push(directory);
    yield* walkEntries(root, filter, reader, parents, child, below);
    parents.pop();
  }
}

/** The stats of an entry and, before it, of those above it that were not sent yet. */
function readWithParents(reader: StatReader, parents: readonly Directory[], path: string): FileStat[] {
  const unsent = parents.filter((parent) => !parent.sent);
  const stats = [...unsent.map((parent) => parent.path), path].map((each) => reader.read(each));
  for (const parent of unsent) parent.sent = true;
  return stats;
}

/** What vanished between the listing and the look at it is as if it had never been there. */
function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** keep: send it; pass: not itself, but look inside; prune: nothing in it can be selected. */
function judge(
  filter: Filter,
  path: string,
  parent: Directory | undefined,
  directory: Directory | undefined,
): 'keep' | 'pass' | 'prune' {
  let keep = true;
  if (filter.include !== undefined && !filter.include.matches(path, parent?.include, directory?.include)) {
    const patterns = filter.include.patterns;
    if (directory !== undefined && filter.plainIncludes && !leadsTo(path, patterns, false)) return 'prune';
    keep = false;
  }
  if (filter.exclude?.matches(path, parent?.exclude, directory?.exclude)) {
    const patterns = filter.exclude.patterns;
    if (directory !== undefined && filter.plainExceptions && !leadsTo(path, patterns, true)) return 'prune';
    keep = false;
  }
  if (keep) return 'keep';
  return directory === undefined ? 'prune' : 'pass';
}

/** Whether one of the patterns of this sign lies in the directory. */
function leadsTo(path: string, patterns: readonly Pattern[], negated: boolean): boolean {
  return patterns.some((pattern) => pattern.negated === negated && `${pattern.prefix}/`.startsWith(`${path}/`));
}

/** A directory's entries in byte order. One that was not selected itself may be unreadable. */
function readEntries(root: string, path: string, lenient = false): Dirent[] {
  try {
    const directory = path === '' ? root : filePath(root, path);
    const entries = readdirSync(directory, { withFileTypes: true, encoding: 'latin1' });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (lenient && (error as NodeJS.ErrnoException).code === 'EACCES') return [];
    throw error;
  }
}

function recordOf(patterns: PatternList | undefined): Uint8Array | undefined {
  return patterns === undefined ? undefined : new Uint8Array(patterns.patterns.length);
}

function compileFilter(root: string, selection: Selection): Filter {
  let include = selection.include === undefined ? undefined : [...selection.include];
  if (selection.followPaths !== undefined) {
    const targets = followLinks(root, selection.followPaths);
    if (targets !== undefined) include = dropNested([...(include ?? []), ...targets]);
  }
  const includes = include?.length ? new PatternList(include) : undefined;
  const excludes = selection.exclude?.length ? new PatternList(selection.exclude) : undefined;
  const plain = (patterns: PatternList | undefined, negated: boolean) =>
    patterns?.patterns.every((pattern) => pattern.negated !== negated || !/[*[\]?^\\]/.test(pattern.prefix)) ?? true;
  return {
    include: includes,
    exclude: excludes,
    plainIncludes: plain(includes, false),
    plainExceptions: plain(excludes, true),
  };
}
