/** Files inside another root directory that its owner may change at any moment, such as that of a running container. */
import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { inDirectory, O_PATH, ofHandle } from '../../../host/descriptor-path.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** As many links as the kernel follows (path_resolution(7)). */
const MAX_LINKS = 40;
/** Each directory of the way is open until the end: `..` goes back to it, and not to wherever it was moved. */
const MAX_DEPTH = 256;

/**
 * Opens a regular file for reading, as a process whose root is `root` would see its path; undefined for anything else. Each part
 * is opened from the one before without being followed, and links are read and walked the same way: nothing leads out of
 * the root, and what was looked at is what is opened. No FIFO or device is opened for that.
 *
 * @throws ErrnoException, ENOENT among them; ELOOP for too many links or too deep a path
 */
export async function openFileInRoot(root: string, path: string): Promise<FileHandle | undefined> {
  const way = [await open(root, O_PATH | O_DIRECTORY)];
  try {
    const rest = path.split('/');
    let links = 0;
    for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        await cut(way, Math.max(1, way.length - 1));
        continue;
      }
      const target = await enter(way, part);
      if (target === undefined) continue;
      links += 1;
      if (links > MAX_LINKS) throw loop(path);
      if (target.startsWith('/')) await cut(way, 1);
      rest.unshift(...target.split('/'));
    }
    const last = way.at(-1);
    if (last === undefined || !(await last.stat()).isFile()) return undefined;
    return await open(ofHandle(last), O_RDONLY | O_NONBLOCK);
  } finally {
    await cut(way, 0);
  }
}

/** One step further; where the name is a link, no step, and where it leads to. */
async function enter(way: FileHandle[], name: string): Promise<string | undefined> {
  const here = way.at(-1);
  if (here === undefined || way.length > MAX_DEPTH) throw loop(name);
  const next = await open(inDirectory(here, name), O_PATH | O_NOFOLLOW);
  way.push(next);
  if (!(await next.stat()).isSymbolicLink()) return undefined;
  await cut(way, way.length - 1);
  return readlink(inDirectory(here, name));
}

async function cut(way: FileHandle[], length: number): Promise<void> {
  for (const handle of way.splice(length)) await handle.close();
}

function loop(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`ELOOP: too many symbolic links or directories in ${path}`), { code: 'ELOOP' });
}
