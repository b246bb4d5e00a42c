/** Why a registry refused: containerd's error taken apart, or one of our own client. */
import { Code, toK3cError } from '../../api/errors.ts';
import type { RegistryFailure } from './registry/failure.ts';
import { RegistryFault } from './registry/fault.ts';

export type { RegistryFailure } from './registry/failure.ts';

/**
 * The HTTP status that a registry answered with. containerd 2.4 sends no status details, so its sentence
 * (core/remotes/errors.ErrUnexpectedStatus) is all there is; that sentence has had this form since 1.7.
 */
function httpStatus(message: string): number | undefined {
  const status = /unexpected status from [A-Z]+ request to \S+: (\d{3}) /.exec(message)?.[1];
  return status === undefined ? undefined : Number(status);
}

const statuses: Readonly<Record<number, RegistryFailure>> = {
  401: 'unauthorized',
  403: 'denied',
  404: 'not-found',
  429: 'rate-limited',
};

/**
 * Go's network and TLS errors reach us as text alone (code UNKNOWN); these are the fixed parts of Go's own sentences
 * (net/dnserror, crypto/x509, net/http at go1.26). When one changes, the failure is told in containerd's words instead.
 */
const sentences: readonly (readonly [RegExp, RegistryFailure])[] = [
  [/no such host|server misbehaving|Temporary failure in name resolution/, 'no-such-host'],
  [/server gave HTTP response to HTTPS client/, 'plain-http'],
  [/x509: |tls: failed to verify|remote error: tls/, 'certificate'],
  [/connection refused/, 'refused'],
  [/i\/o timeout|deadline exceeded|TLS handshake timeout/, 'timeout'],
  [/no space left on device/, 'no-space'],
  [/no basic auth credentials/, 'unauthorized'],
  [/insufficient_scope|authorization failed/, 'denied'],
  [/Too Many Requests|toomanyrequests/, 'rate-limited'],
];

/** What kind of failure it is: by code where it has one, else by the sentence. */
export function registryFailure(error: unknown): RegistryFailure {
  if (error instanceof RegistryFault) return error.failure;
  const { code, message } = toK3cError(error);
  if (code === Code.UNAUTHENTICATED) return 'unauthorized';
  if (code === Code.PERMISSION_DENIED) return 'denied';
  if (code === Code.RESOURCE_EXHAUSTED) return 'rate-limited';
  const status = httpStatus(message);
  const known = status === undefined ? undefined : statuses[status];
  if (known !== undefined) return known;
  for (const [pattern, failure] of sentences) if (pattern.test(message)) return failure;
  return code === Code.NOT_FOUND ? 'not-found' : 'other';
}
