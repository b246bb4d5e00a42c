/** How a command that failed says so, and what it exits with. */
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import { Code, K3cError } from '../api/errors.ts';
import { CliError, ExitError, UsageError } from './errors.ts';

/** docker's exit codes for what is not the container's own. */
export const Exit = {
  /** k3c itself failed in run, create or exec; or a flag was wrong. */
  OWN: 125,
  /** The command cannot be invoked. */
  NOT_INVOCABLE: 126,
  /** The command was not found. */
  NOT_FOUND: 127,
} as const;

/** 128+n for a signal by name; SIGPIPE's for an output that was closed. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

export interface Failure {
  /** The form the user typed: `run`, `container ls`; undefined before a command is known. */
  readonly words: string | undefined;
  /** Its usage line, for errors of usage. */
  readonly usage: string | undefined;
  /** What the command exits with when nothing more is known. */
  readonly fallback: number;
  /** Whether 126 and 127 tell that a command of the user's could not be run. */
  readonly invokes: boolean;
}

/**
 * Prints an error as docker does and returns the exit code: usage after a usage error; `k3c: …` and where help is found for run,
 * create and exec; `Error response from daemon: …` for what the daemon answered. A hint goes on a line of its own.
 */
export function reportError(error: unknown, failure: Failure, stderr: Writable): number {
  if (error instanceof ExitError) return error.exitCode;
  const help = `Run 'k3c ${failure.words === undefined ? '' : `${failure.words} `}--help' for more information`;
  if (error instanceof UsageError) {
    const usage = failure.usage === undefined ? '' : `${failure.usage}\n\n`;
    stderr.write(`${error.named ? 'k3c: ' : ''}${error.message}\n\n${usage}${help}\n`);
    return error.exitCode;
  }
  if (error instanceof CliError && error.exitCode !== undefined) {
    stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  const own = failure.fallback === Exit.OWN;
  const hint = error instanceof K3cError && error.hint !== undefined ? `hint: ${error.hint}` : undefined;
  const lines = [`${own ? 'k3c: ' : ''}${errorSentence(error)}`];
  if (hint !== undefined) lines.push(hint);
  else if (own) lines.push('', help);
  stderr.write(`${lines.join('\n')}\n`);
  return exitCodeOf(error, failure);
}

/** An error as a sentence for the user, with the daemon named where it spoke. */
export function errorSentence(error: unknown): string {
  if (error instanceof CliError) return error.message;
  if (error instanceof K3cError) return error.remote ? `Error response from daemon: ${error.message}` : error.message;
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(error: unknown, { fallback, invokes }: Failure): number {
  if (!invokes || !(error instanceof K3cError)) return fallback;
  if (error.reason === 'command-not-found') return Exit.NOT_FOUND;
  if (error.reason === 'command-not-invocable') return Exit.NOT_INVOCABLE;
  return fallback;
}

/** Whether an error only says that the command was stopped from outside. */
export function isAbort(error: unknown): boolean {
  if (error instanceof K3cError) return error.code === Code.CANCELLED && !error.remote;
  return error instanceof Error && error.name === 'AbortError';
}
