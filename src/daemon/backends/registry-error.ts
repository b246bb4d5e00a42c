/** Why a registry refused: containerd's error taken apart as far as it is typed. */
import { Code, toK3cError } from '../../api/errors.ts';
import { Status } from '../../api/gen/google/rpc/status.ts';

export type RegistryFailure =
  | 'not-found'
  | 'unauthorized'
  | 'denied'
  | 'rate-limited'
  | 'no-such-host'
  | 'refused'
  | 'certificate'
  | 'plain-http'
  | 'timeout'
  | 'no-space'
  | 'other';

/** The HTTP status that a registry answered with, where containerd passed it on in the status details. */
export function registryHttpStatus(error: unknown): number | undefined {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const { metadata } = each as { metadata?: { get?(name: string): unknown[] } };
    const details = metadata?.get?.('grpc-status-details-bin')[0];
    if (!Buffer.isBuffer(details)) continue;
    for (const { typeUrl, value } of Status.decode(details).details) {
      if (!typeUrl.endsWith('/ErrUnexpectedStatus')) continue;
      const { statusCode } = JSON.parse(value.toString('utf8')) as { statusCode?: unknown };
      if (typeof statusCode === 'number') return statusCode;
    }
  }
  return undefined;
}

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
  [/insufficient_scope|authorization failed|no basic auth credentials/, 'denied'],
  [/Too Many Requests|toomanyrequests/, 'rate-limited'],
];

/** What kind of failure it is: by HTTP status, by code, and by text only where there is neither. */
export function registryFailure(error: unknown): RegistryFailure {
  const status = registryHttpStatus(error);
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'denied';
  if (status === 404) return 'not-found';
  if (status === 429) return 'rate-limited';
  const { code, message } = toK3cError(error);
  if (code === Code.UNAUTHENTICATED) return 'unauthorized';
  if (code === Code.PERMISSION_DENIED) return 'denied';
  if (code === Code.RESOURCE_EXHAUSTED) return 'rate-limited';
  for (const [pattern, failure] of sentences) if (pattern.test(message)) return failure;
  return code === Code.NOT_FOUND ? 'not-found' : 'other';
}
