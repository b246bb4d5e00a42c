/** A file that a command writes (`-o`), or its standard output. */
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CommandContext } from './context.ts';
import { CliError } from './errors.ts';
import { errorWords } from './file-error.ts';
import { BatchWriter } from './output/batch.ts';

/** Throws CliError with docker's sentence where nothing was redirected and no file named. */
export function refuseTerminal(context: CommandContext, path: string | undefined): void {
  if ((path ?? '') !== '' || !context.terminal.isTty.stdout) return;
  throw new CliError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
}

/**
 * Writes data to a file or, without a path, to stdout. A file is there when it is whole: a failure leaves what was there before.
 *
 * @param act for errors: `save image`
 * @throws CliError where the path cannot be written to; checked before the first piece is asked for
 */
export async function writeOutput(
  context: CommandContext,
  path: string | undefined,
  data: AsyncIterable<Buffer>,
  act: string,
): Promise<void> {
  if (path === undefined || path === '') {
    const writer = new BatchWriter(context.stdout);
    for await (const piece of data) await writer.write(piece);
    await writer.flush();
    return;
  }
  const target = await checkTarget(resolve(context.cwd, path), path, act);
  if (target.inPlace) await writeTo(await opened(target.path, 'w', path, act), data);
  else await replace(target.path, path, data, act);
}

/** docker's rules for a path of output (docker/cli, command.ValidateOutputPath); a link stays one. */
async function checkTarget(
  path: string,
  shown: string,
  act: string,
): Promise<{ readonly path: string; readonly inPlace: boolean }> {
  const bad = (why: string) => new CliError(`failed to ${act}: invalid output path: ${why}`);
  const parent = await stat(dirname(path)).catch(ignoreMissing);
  if (parent === undefined) throw bad(`directory ${JSON.stringify(dirname(shown))} does not exist`);
  const there = await stat(path).catch(ignoreMissing);
  if (there === undefined) return { path, inPlace: false };
  const wanted = `${JSON.stringify(shown)} must be a directory or a regular file`;
  if (there.isCharacterDevice() || there.isBlockDevice()) throw bad(`${wanted}: got a device`);
  // A pipe cannot be replaced: its reader waits at this one.
  return { path: await realpath(path), inPlace: !there.isFile() };
}

function ignoreMissing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  return undefined;
}

async function replace(path: string, shown: string, data: AsyncIterable<Buffer>, act: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  const file = await opened(temporary, 'wx', shown, act);
  try {
    await writeTo(file, data);
    await rename(temporary, path).catch((cause: unknown) => Promise.reject(failed(shown, cause, act)));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function opened(path: string, flags: 'w' | 'wx', shown: string, act: string): Promise<FileHandle> {
  return open(path, flags, 0o600).catch((cause: unknown) => Promise.reject(failed(shown, cause, act)));
}

async function writeTo(file: FileHandle, data: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const piece of data) await file.writeFile(piece);
  } finally {
    await file.close();
  }
}

function failed(path: string, cause: unknown, act: string): CliError {
  return new CliError(`failed to ${act}: ${errorWords(cause)}: ${path}`, { cause });
}
