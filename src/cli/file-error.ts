/** Why a file of the user's cannot be read, in the words that docker's users know. */
import { CliError } from './errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
};

/** Why a system call failed, in those words. */
export function errorWords(cause: unknown): string {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return WORDS[code] ?? message;
}

/** The error of opening or reading a file as a sentence; Node's own words where the reason is a rare one. */
export function fileError(path: string, cause: unknown): CliError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return new CliError(`${code === 'EISDIR' ? 'read' : 'open'} ${path}: ${WORDS[code] ?? message}`, { cause });
}
