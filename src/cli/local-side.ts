/** The user's own files as one side of a copy. */
import type { Stats } from 'node:fs';
import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { type CopySide, cleanPath, splitEntry } from './copy-paths.ts';
import { CliError } from './errors.ts';
import { errorWords } from './file-error.ts';

const MAX_LINKS = 10;

/** The absolute path of what the user named. */
export function localPath(cwd: string, path: string): string {
  return cleanPath(path, posix.resolve(cwd, path));
}

/**
 * What is to be copied, and the path to read it at.
 * @param follow go to where a link leads
 */
export async function localSource(
  path: string,
  follow: boolean,
): Promise<{ readonly readAt: string; readonly isDirectory: boolean; readonly size: number }> {
  try {
    const readAt = follow ? cleanPath(path, await realpath(path)) : path;
    const info = await lstat(readAt);
    return { readAt, isDirectory: info.isDirectory(), size: info.size };
  } catch (cause) {
    throw new CliError(`lstat ${path}: ${errorWords(cause)}`, { cause });
  }
}

/** Where a copy from a container goes. A link is followed, even to where nothing is yet; the directory above must be there. */
export async function localDestination(path: string): Promise<CopySide> {
  await checkOutput(path);
  let at = path;
  try {
    let info = await lstatIfThere(at);
    for (let links = 0; info?.isSymbolicLink() === true; links++) {
      if (links > MAX_LINKS) throw new CliError(`too many symbolic links in ${JSON.stringify(path)}`);
      at = posix.resolve(splitEntry(at).directory, await readlink(at));
      info = await lstatIfThere(at);
    }
    if (info !== undefined) return { path: at, exists: true, isDirectory: info.isDirectory() };
    const above = await stat(splitEntry(at).directory);
    if (!above.isDirectory()) throw new CliError('not a directory');
    return { path: at, exists: false, isDirectory: false };
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`lstat ${at}: ${errorWords(cause)}`, { cause });
  }
}

/** docker looks at the output before it asks the daemon for anything. */
async function checkOutput(path: string): Promise<void> {
  const directory = posix.dirname(posix.normalize(path).replace(/(.)\/+$/, '$1'));
  if ((await statIfThere(directory)) === undefined)
    throw new CliError(`invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  const info = await statIfThere(path);
  if (info?.isCharacterDevice() === true || info?.isBlockDevice() === true)
    throw new CliError(
      `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`,
    );
}

function statIfThere(path: string): Promise<Stats | undefined> {
  return stat(path).catch(undefinedIfMissing);
}

function lstatIfThere(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(undefinedIfMissing);
}

/** One that cannot be looked at is told of when it is written to. */
function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  return undefined;
}
