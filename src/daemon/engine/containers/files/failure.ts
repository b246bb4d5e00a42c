/** What k3c-files says, in docker's words and with the codes of the API. */
import { Code, K3cError } from '../../../../api/errors.ts';
import { FilesError } from '../../../../host/files-helper.ts';

/** Turns a failure of k3c-files into the error that goes out; anything else passes. */
export function filesError(error: unknown, container: string, path: string): unknown {
  if (!(error instanceof FilesError)) return error;
  const fail = (code: Code, message: string) => new K3cError(code, message, { cause: error, reason: 'bad-input' });
  switch (error.kind) {
    case 'not-found':
      // One that is there, and cannot be copied, has its own sentence.
      if (!/no such file or directory$/.test(error.message)) return fail(Code.INVALID_ARGUMENT, error.message);
      return new K3cError(Code.NOT_FOUND, `Could not find the file ${path} in container ${container}`, {
        cause: error,
        reason: 'path-not-found',
      });
    case 'not-directory':
    case 'conflict':
      return fail(Code.INVALID_ARGUMENT, error.message);
    case 'bad-archive':
      return fail(Code.INVALID_ARGUMENT, `Error processing tar file: ${error.message}`);
    case 'read-only':
      return fail(Code.FAILED_PRECONDITION, error.message);
    case 'gone':
      return new K3cError(Code.ABORTED, `container ${container} ended meanwhile`, { cause: error });
    case 'io':
      return new K3cError(Code.INTERNAL, error.message, { cause: error });
  }
}
