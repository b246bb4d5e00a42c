/**
 * The one error class that crosses the API. Its code is a gRPC status code, its reason a stable word that programs
 * decide by, its hint the way out for a person.
 */

/** gRPC status codes (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type Code = (typeof Code)[keyof typeof Code];

/** Why a call failed, where a program must tell cases of one code apart. Travels in the trailer `k3c-reason`. */
export type Reason =
  | 'container-not-found'
  | 'path-not-found'
  | 'image-not-found'
  | 'name-in-use'
  | 'port-in-use'
  | 'container-running'
  | 'container-not-running'
  | 'image-in-use'
  | 'volume-not-found'
  | 'volume-in-use'
  | 'network-not-found'
  | 'network-in-use'
  | 'pod-not-found'
  | 'pod-in-use'
  | 'address-in-use'
  | 'no-address'
  | 'command-not-found'
  | 'command-not-invocable'
  | 'daemon-unreachable'
  | 'unauthorized'
  | 'bad-input';

export interface K3cErrorOptions {
  readonly reason?: Reason | undefined;
  /** The way out: one clause, without a full stop. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Whether a server answered with it, as against found out on this side. */
  readonly remote?: boolean | undefined;
}

export class K3cError extends Error {
  override readonly name = 'K3cError';
  readonly code: Code;
  readonly reason: Reason | undefined;
  readonly hint: string | undefined;
  readonly remote: boolean;

  constructor(code: Code, message: string, options: K3cErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.hint = options.hint;
    this.remote = options.remote ?? false;
  }
}

/** Whether a number is a gRPC status code. */
export function isCode(value: number): value is Code {
  return Number.isInteger(value) && value >= 0 && value <= 16;
}

/**
 * Turns anything thrown into a K3cError: K3cErrors pass, errors with a numeric gRPC `code` (grpc-js) keep it, aborts
 * become CANCELLED, the rest INTERNAL.
 */
export function toK3cError(error: unknown): K3cError {
  if (error instanceof K3cError) return error;
  if (error instanceof Error) {
    if (error.name === 'AbortError') return new K3cError(Code.CANCELLED, 'canceled', { cause: error });
    const { code, details } = error as { code?: unknown; details?: unknown };
    if (typeof code === 'number' && isCode(code)) {
      return new K3cError(code, typeof details === 'string' && details !== '' ? details : error.message, {
        cause: error,
      });
    }
    return new K3cError(Code.INTERNAL, error.message, { cause: error });
  }
  return new K3cError(Code.INTERNAL, String(error));
}

/** Whether an error carries this code. */
export function hasCode(error: unknown, ...codes: readonly Code[]): boolean {
  return error instanceof K3cError ? codes.includes(error.code) : codes.includes(toK3cError(error).code);
}
