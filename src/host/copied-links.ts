/** Hard links of a tree that is copied: names that were one file are one again. */
import { constants, type PathLike } from 'node:fs';
import { type FileHandle, link, lstat, open } from 'node:fs/promises';
import { inDirectory } from './descriptor-path.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** Where a name of the copy is: the directories below its root, and the name itself. */
export type CopiedPath = readonly Buffer[];

interface Copied {
  readonly directories: CopiedPath;
  readonly name: Buffer;
  readonly file: string;
}

/** Remembers what has been copied, by what it was copied from. Only for files that have more names than one. */
export class CopiedLinks {
  readonly #root: FileHandle;
  readonly #copies = new Map<string, Copied>();

  /** @param root the directory that is copied into; open as long as this is used */
  constructor(root: FileHandle) {
    this.#root = root;
  }

  /**
   * To be called with each whole copy.
   * @param source file, as fileAt says
   * @param file the copy, by any of its names
   * @param path the name that it keeps
   */
  remember(source: string, file: string, path: CopiedPath): void {
    const name = path.at(-1);
    if (name !== undefined) this.#copies.set(source, { directories: path.slice(0, -1), name, file });
  }

  /**
   * Gives an earlier copy of the same file one more name. False where there is none, or where it is not what it was: others may
   * have changed the tree meanwhile, so its directories are opened without following links, and what was linked is looked at.
   *
   * @param source file, as fileAt says
   * @param target nothing may have this name
   * @param remove takes away what was linked and is something else
   */
  async link(source: string, target: string, remove: (path: string) => Promise<void>): Promise<boolean> {
    const copied = this.#copies.get(source);
    if (copied === undefined) return false;
    try {
      await using place = await this.#open(copied.directories);
      await link(inDirectory(place.directory, copied.name), target);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== undefined && NOT_LINKED.has(code)) return false;
      throw error;
    }
    if ((await fileAt(target)) === copied.file) return true;
    await remove(target);
    return false;
  }

  async #open(directories: CopiedPath): Promise<{ readonly directory: FileHandle } & AsyncDisposable> {
    const handles: FileHandle[] = [];
    const close = async () => {
      for (const handle of handles) await handle.close();
    };
    let directory = this.#root;
    try {
      for (const name of directories) {
        directory = await open(inDirectory(directory, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        handles.push(directory);
      }
    } catch (error) {
      await close();
      throw error;
    }
    return { directory, [Symbol.asyncDispose]: close };
  }
}

/** It is gone, something else is on the way to it, it has all the names it may have, or its file system gives one only. */
const NOT_LINKED: ReadonlySet<string> = new Set([
  ...['ENOENT', 'ENOTDIR', 'ELOOP', 'EMLINK', 'EXDEV'],
  ...['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'],
]);

/** Which file a name stands for. In whole numbers: overlayfs gives inodes beyond those that a double holds. */
export async function fileAt(path: PathLike): Promise<string> {
  const { dev, ino } = await lstat(path, { bigint: true });
  return `${dev}:${ino}`;
}
