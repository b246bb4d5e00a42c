/** Where the files of a named context come from: a directory, or a few files held in memory (a Dockerfile from stdin). */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { filePath, toBytes } from './bytes.ts';
import { isMissing } from './follow-links.ts';
import type { FileStat } from './stat.ts';
import { type Selection, walkContext } from './walk.ts';

/** An open file of a context. */
export interface OpenFile {
  /** Fills the buffer from where it is and returns the count; 0 at the end. */
  read(target: Buffer): number;
  close(): void;
}

export interface ContextSource {
  walk(selection: Selection): Iterable<FileStat>;
  /** Opens a regular file by its path; undefined when it vanished. */
  open(path: string): OpenFile | undefined;
}

/** A directory of the client's machine. */
export function directorySource(root: string): ContextSource {
  return {
    walk: (selection) => walkContext(root, selection),
    open(path) {
      let descriptor: number;
      try {
        // Without blocking: what was a file a moment ago may be a FIFO now.
        descriptor = openSync(filePath(root, path), constants.O_RDONLY | constants.O_NONBLOCK);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
      return {
        read: (target) => readSync(descriptor, target, 0, target.length, null),
        close: () => closeSync(descriptor),
      };
    },
  };
}

/** Files in memory, at the root of the context. Patterns do not apply: there is nothing in it but what was put there. */
export function memorySource(files: ReadonlyMap<string, Uint8Array>): ContextSource {
  const contents = new Map([...files].map(([name, content]) => [toBytes(name), content] as const));
  return {
    *walk() {
      for (const path of [...contents.keys()].sort()) {
        const size = contents.get(path)?.length ?? 0;
        yield { path, mode: 0o644, size, modTime: 0n, linkname: '', devmajor: 0, devminor: 0 };
      }
    },
    open(path) {
      const content = contents.get(path);
      if (content === undefined) return undefined;
      let at = 0;
      return {
        read(target) {
          const piece = content.subarray(at, at + target.length);
          target.set(piece);
          at += piece.length;
          return piece.length;
        },
        close: () => undefined,
      };
    },
  };
}
