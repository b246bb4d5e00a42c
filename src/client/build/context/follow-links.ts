/**
 * Follow paths: what the Dockerfile copies, with every symlink on the way resolved inside the context, so that the targets
 * travel too. The rules are fsutil's FollowLinks.
 */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { Code, hasCode } from '../../../api/errors.ts';
import { filePath, toText } from './bytes.ts';
import { hasWildcard, matchGlob } from './glob.ts';
import { cleanPath } from './patterns.ts';

/** The paths to include; undefined when everything is. Paths are byte strings. */
export function followLinks(root: string, paths: readonly string[]): string[] | undefined {
  const resolved = new Set<string>();
  for (const path of paths) follow(root, path, resolved);
  return dropNested([...resolved].sort());
}

/** Leaves out paths below the one before them in a sorted list; undefined when the root itself is among them. */
export function dropNested(sorted: readonly string[]): string[] | undefined {
  const kept: string[] = [];
  let last = '';
  for (const path of sorted) {
    if (path === '.') return undefined;
    if (path.startsWith(`${last}/`)) continue;
    kept.push(path);
    last = path;
  }
  return kept;
}

function follow(root: string, path: string, resolved: Set<string>): void {
  let rest = cleanPath(posix.join('.', path));
  let current = '.';
  for (;;) {
    const slash = rest.indexOf('/');
    current = posix.join(current, slash < 0 ? rest : rest.slice(0, slash));
    rest = slash < 0 ? '' : rest.slice(slash + 1);
    const targets = linkTargets(root, current, true);
    if (rest !== '' && targets === undefined) continue;
    if (resolved.has(current)) return;
    resolved.add(current);
    for (const target of targets ?? []) follow(root, posix.join(target, rest), resolved);
    return;
  }
}

/** Where a path points when it is a symlink, or its matches are; undefined when there is no link to follow. */
function linkTargets(root: string, path: string, wildcards: boolean): string[] | undefined {
  const base = posix.basename(path);
  const directory = posix.dirname(path);
  if (wildcards && hasWildcard(base)) {
    const names = entries(root, directory);
    if (names === undefined) return undefined;
    const matching = names.filter((name) => matchesLeniently(toText(base), toText(name)));
    const targets = matching.flatMap((name) => linkTargets(root, posix.join(directory, name), false) ?? []);
    return targets.length === 0 ? undefined : targets;
  }
  if (path === '.' || path === '..' || path.startsWith('../')) return undefined;
  const file = filePath(root, path);
  try {
    if (!lstatSync(file).isSymbolicLink()) return undefined;
    const target = cleanPath(readlinkSync(file, 'latin1'));
    return [target.startsWith('/') ? target : posix.join('/', directory, target)];
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A malformed wildcard follows nothing; as an include pattern it is reported soon enough. */
function matchesLeniently(pattern: string, name: string): boolean {
  try {
    return matchGlob(pattern, name);
  } catch (error) {
    if (hasCode(error, Code.INVALID_ARGUMENT)) return false;
    throw error;
  }
}

function entries(root: string, directory: string): string[] | undefined {
  try {
    return readdirSync(directory === '.' ? root : filePath(root, directory), 'latin1').sort();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether an entry is not there, or a part of its path is no directory. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
