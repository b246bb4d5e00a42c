/** A file of the user's, or stdin for `-`. */
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { CommandContext } from './context.ts';
import { CliError } from './errors.ts';
import { fileError } from './file-error.ts';

/** How much is read at a time. */
const CHUNK = 1 << 20;

/** Opens it. Throws CliError with docker's sentence where that cannot be done. */
export async function openInput(context: CommandContext, path: string): Promise<Readable> {
  if (path === '-') return context.stdin();
  let file: FileHandle;
  try {
    file = await open(resolve(context.cwd, path));
  } catch (cause) {
    throw fileError(path, cause);
  }
  if ((await file.stat()).isDirectory()) {
    await file.close();
    throw new CliError(`read ${path}: is a directory`);
  }
  return file.createReadStream({ highWaterMark: CHUNK });
}
