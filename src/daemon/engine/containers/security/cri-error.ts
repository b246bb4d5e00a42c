import { Code, K3cError, toK3cError } from '../../../../api/errors.ts';

/** containerd's words for a name that no CDI specification has. */
const CDI = /CDI device injection failed: .*/s;
/** crun's words for a specification whose version it does not know. */
const OLD_RUNTIME = /OCI runtime create failed: unknown version specified/;

/**
 * CRI's error of a start that the security flags led to, in docker's words and with the way out; any other error as it is. CRI
 * has no code for either: the words decide.
 * @param runtime what --runtime named
 */
export function securityError(error: unknown, runtime: string): unknown {
  const { code, message } = toK3cError(error);
  const [cdi] = CDI.exec(message) ?? [];
  if (cdi !== undefined)
    return new K3cError(Code.INVALID_ARGUMENT, cdi, {
      reason: 'bad-input',
      hint: "the specifications are read from the directories that 'k3c info' names",
      cause: error,
    });
  if (runtime !== '' && OLD_RUNTIME.test(message))
    return new K3cError(code, message, {
      hint: `the runtime ${runtime} is too old for containerd's specifications (crun reads them since 1.14.3)`,
      cause: error,
    });
  return error;
}
