import { Code, K3cError, type Reason, toK3cError } from '../../../api/errors.ts';

/**
 * runc says why a command cannot run only in words, and containerd passes them on with code UNKNOWN. docker tells 126 from
 * 127 by the same words (moby, daemon/errors.go, setExitCodeFromError), so this is the one place where text decides.
 */
const CASES: readonly { readonly words: RegExp; readonly reason: Reason }[] = [
  // The directory of an exec, and not its command, is what is missing.
  { words: /chdir to cwd|Cwd must/, reason: 'command-not-invocable' },
  { words: /executable file not found in \$PATH|no such file or directory/i, reason: 'command-not-found' },
  {
    words: /permission denied|is a directory|not a directory|exec format error|invalid argument/i,
    reason: 'command-not-invocable',
  },
];

/** What containerd and its shim put around runc's words. */
const AROUND = /^.*?(OCI runtime \w+ failed: )/s;

/**
 * The error of a failed StartContainer or Tasks.Start as docker would say it. A command that is not there has the reason
 * command-not-found (exit code 127), one that cannot be run command-not-invocable (126); anything else passes as it is.
 */
export function startError(error: unknown): K3cError {
  const failure = toK3cError(error);
  const start = failure.message.search(/unable to start container process|Cwd must be an absolute path/);
  if (start < 0) return failure;
  const detail = failure.message.slice(start);
  const found = CASES.find(({ words }) => words.test(detail));
  if (found === undefined) return failure;
  const message = failure.message.replace(AROUND, '$1');
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: found.reason, cause: error });
}
