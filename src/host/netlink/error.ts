import { constants } from 'node:os';

/** One refused message of a request: what it was to do, and the kernel's answer. */
export interface NetlinkFailure {
  readonly operation: string;
  /** The errno's name, such as EEXIST. */
  readonly code: string;
  readonly errno: number;
  /** The kernel's own explanation (extended acknowledgement), often empty. */
  readonly detail: string;
}

/** A netlink request that the kernel refused. `code` is the errno name of the first refused message. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly code: string;
  readonly failures: readonly NetlinkFailure[];

  constructor(failures: readonly [NetlinkFailure, ...NetlinkFailure[]]) {
    const words = failures.map(({ operation, code, detail }) => `${operation}: ${code}${detail && ` (${detail})`}`);
    super(words.join('; '));
    this.code = failures[0].code;
    this.failures = failures;
  }
}

/** Describes a failure by its positive errno. */
export function netlinkFailure(operation: string, errno: number, detail = ''): NetlinkFailure {
  const known = Object.entries(constants.errno).find(([, number]) => number === errno);
  return { operation, code: known?.[0] ?? `errno ${errno}`, errno, detail };
}

/** Whether a thrown value is a NetlinkError with one of these errno names. */
export function isNetlinkError(error: unknown, ...codes: readonly string[]): error is NetlinkError {
  return error instanceof NetlinkError && (codes.length === 0 || codes.includes(error.code));
}
