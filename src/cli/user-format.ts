/** The formats of lists that a user has chosen in docker's client configuration: psFormat, imagesFormat, statsFormat, networksFormat, volumesFormat. */
import { readFile } from 'node:fs/promises';
import { configPath } from '../client/credentials/config.ts';
import type { CommandContext } from './context.ts';

/**
 * The format under a key of `config.json`; undefined without one. A file that cannot be read or parsed is told of on stderr and
 * counts for none, as docker has it: a list is no reason to fail.
 */
export async function userFormat(
  context: Pick<CommandContext, 'env' | 'stderr'>,
  key: 'psFormat' | 'imagesFormat' | 'statsFormat' | 'networksFormat' | 'volumesFormat',
): Promise<string | undefined> {
  const path = configPath(context.env);
  if (path === undefined) return undefined;
  try {
    const config = JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>> | null;
    const format = config?.[key];
    return typeof format === 'string' && format !== '' ? format : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    // The parser's message quotes the file, which holds passwords.
    const reason = error instanceof SyntaxError ? 'it is not valid JSON' : (code ?? 'it cannot be read');
    context.stderr.write(`WARNING: Error loading config file: ${path}: ${reason}\n`);
    return undefined;
  }
}
