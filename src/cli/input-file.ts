/** A file of the user's, or stdin for `-`. */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { CommandContext } from './context.ts';
import { CliError } from './errors.ts';

/** How much is read at a time. */
const CHUNK = 1 << 20;

/** Opens it. Throws CliError with docker's sentence where that cannot be done. */
export async function openInput(context: CommandContext, path: string): Promise<Readable> {
  if (path === '-') return context.stdin();
  try {
    const file = await open(resolve(context.cwd, path));
    return file.createReadStream({ highWaterMark: CHUNK });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new CliError(`open ${path}: no such file or directory`, { cause });
    throw new CliError(`open ${path}: ${(cause as Error).message}`, { cause });
  }
}
