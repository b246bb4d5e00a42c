import type { K3cError } from '../../../api/errors.ts';

/** docker's exit code of a container that could not be started: 127 no such command, 126 not executable, else 128. */
export function startExitCode(error: K3cError): number {
  if (error.reason === 'command-not-found') return 127;
  if (error.reason === 'command-not-invocable') return 126;
  return 128;
}
