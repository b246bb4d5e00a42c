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

/** Of a mount: nothing is wrong with the command then, whatever errno the kernel gave. */
const MOUNT = /^unable to start container process: (error during container init: )?error mounting /;

/** containerd's words for a source whose mount is not as the propagation needs it. */
const NOT_SHARED = /path "(.*)" is mounted on "(.*)" but it is not a (shared(?: or slave)?) mount/;

/**
 * The error of a failed StartContainer or Tasks.Start as docker would say it. A command that is not there has the reason
 * command-not-found (exit code 127), one that cannot be run command-not-invocable (126), a mount that cannot be made bad-input;
 * anything else passes as it is.
 */
export function startError(error: unknown): K3cError {
  const failure = toK3cError(error);
  const [, path, at, kind] = NOT_SHARED.exec(failure.message) ?? [];
  if (path !== undefined) {
    return new K3cError(Code.INVALID_ARGUMENT, `path ${path} is mounted on ${at} but it is not a ${kind} mount`, {
      reason: 'bad-input',
      hint: `mount --make-rshared ${at} makes it one`,
      cause: error,
    });
  }
  const start = failure.message.search(/unable to start container process|Cwd must be an absolute path/);
  if (start < 0) return failure;
  const detail = failure.message.slice(start);
  const message = failure.message.replace(AROUND, '$1');
  if (MOUNT.test(detail)) {
    return new K3cError(Code.INVALID_ARGUMENT, message, {
      reason: 'bad-input',
      hint: detail.includes('not a directory')
        ? 'a directory goes onto a directory, a file onto a file: check that the path on the host is what you expect'
        : undefined,
      cause: error,
    });
  }
  const found = CASES.find(({ words }) => words.test(detail));
  if (found === undefined) return failure;
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: found.reason, cause: error });
}
