/** docker cp's rules for paths: what a slash or a dot at the end means, what is renamed, what is refused (moby, go-archive, copy.go). */
import { posix } from 'node:path';
import { CliError } from './errors.ts';

/** One side of a copy. */
export interface CopySide {
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
}

/** CONTAINER and path, or a path on this side. One that begins with a slash or a dot is always on this side. */
export function splitOperand(text: string): { readonly container: string; readonly path: string } {
  const colon = text.indexOf(':');
  if (text.startsWith('/') || text.startsWith('.') || colon < 0) return { container: '', path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** Whether a path asks for what is in a directory, not for the directory. */
export function asksForContents(path: string): boolean {
  return lastPart(path) === '.';
}

/** Whether a path says that it is a directory. */
export function assertsDirectory(path: string): boolean {
  return path.endsWith('/') || asksForContents(path);
}

function lastPart(path: string): string {
  const bare = path.replace(/\/+$/, '');
  return bare.slice(bare.lastIndexOf('/') + 1);
}

/** Cleans a path and keeps what its end says. */
export function cleanPath(path: string, absolute: string): string {
  const clean = posix.normalize(absolute).replace(/(.)\/+$/, '$1');
  if (asksForContents(path)) return posix.join(clean, '/').concat('.');
  return path.endsWith('/') && !clean.endsWith('/') ? `${clean}/` : clean;
}

/** The directory and the last part; the latter is `.` where only what is in it is meant. */
export function splitEntry(path: string): { readonly directory: string; readonly base: string } {
  const clean = posix.normalize(path).replace(/(.)\/+$/, '$1');
  if (asksForContents(path)) return { directory: clean, base: '.' };
  return { directory: posix.dirname(clean), base: posix.basename(clean) || '.' };
}

/**
 * Where an archive goes and what its first entry is called. Throws CliError in docker's words.
 * @param source its path as the user wrote it, cleaned
 */
export function planCopy(
  source: Pick<CopySide, 'path' | 'isDirectory'>,
  destination: CopySide,
): { readonly directory: string; readonly name: string } {
  const { base } = splitEntry(source.path);
  if (destination.exists && destination.isDirectory) return { directory: destination.path, name: base };
  if (destination.exists && source.isDirectory) throw new CliError('cannot copy directory');
  if (!source.isDirectory && !destination.exists && assertsDirectory(destination.path))
    throw new CliError('no such directory');
  const to = splitEntry(destination.path);
  return { directory: to.directory, name: to.base };
}
