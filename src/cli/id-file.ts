/** `--cidfile`, `--pod-id-file`: where the id of what is new is written for scripts. */
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from './errors.ts';

export interface IdFile {
  write(id: string): Promise<void>;
  /** Closes it, and removes it when no id was written. */
  close(): Promise<void>;
}

/** Makes the file, which must not be there yet. Throws CliError with docker's sentence when it is. */
export async function openIdFile(
  path: string | undefined,
  cwd: string,
  noun: 'container' | 'pod' = 'container',
): Promise<IdFile> {
  if (path === undefined) return { write: () => Promise.resolve(), close: () => Promise.resolve() };
  const full = resolve(cwd, path);
  const file = await create(full, path, noun);
  let written = false;
  return {
    async write(id) {
      // The second attempt of a run that had to pull its image has no other id: the first one made none.
      await file.write(id, 0);
      written = true;
    },
    async close() {
      await file.close();
      if (!written) await rm(full, { force: true });
    },
  };
}

async function create(full: string, path: string, noun: string): Promise<FileHandle> {
  try {
    return await open(full, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new CliError(`${noun} ID file found, make sure the other ${noun} isn't running or delete ${path}`, {
        cause,
      });
    }
    throw new CliError(`failed to create the ${noun} ID file: ${(cause as Error).message}`, { cause });
  }
}
