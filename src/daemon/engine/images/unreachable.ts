/** A registry that could not be talked to, in words. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { RegistryFailure } from '../../backends/registry-error.ts';

/** The sentence for a failure on the way to a registry; undefined for one of another kind. */
export function unreachable(
  failure: RegistryFailure,
  registry: string,
  message: string,
  cause: unknown,
): K3cError | undefined {
  const fail = (code: Code, text: string, hint: string) => new K3cError(code, text, { cause, hint });
  switch (failure) {
    case 'rate-limited':
      return fail(
        Code.RESOURCE_EXHAUSTED,
        `toomanyrequests: ${registry} limits how often it is asked`,
        'wait and try again, log in with k3c login, or name a mirror in registries.yaml',
      );
    case 'no-such-host':
      return fail(
        Code.UNAVAILABLE,
        `cannot reach ${registry}: no such host`,
        'check the name of the registry and the DNS of this machine',
      );
    case 'refused':
      return fail(Code.UNAVAILABLE, `cannot reach ${registry}: connection refused`, 'check that the registry is up');
    case 'timeout':
      return fail(Code.UNAVAILABLE, `${registry} did not answer in time`, 'check the network and try again');
    case 'certificate':
      return fail(
        Code.UNAVAILABLE,
        `cannot trust ${registry}: ${tail(message)}`,
        'give its CA in registries.yaml (configs, tls, ca_file)',
      );
    case 'plain-http':
      return fail(
        Code.UNAVAILABLE,
        `${registry} speaks plain HTTP, not HTTPS`,
        'name it as a mirror with an http:// endpoint in registries.yaml',
      );
    default:
      return undefined;
  }
}

/** The innermost part of a Go error: what follows the last wrapping. */
function tail(message: string): string {
  const at = message.search(/x509: |tls: /);
  return at === -1 ? message : message.slice(at);
}
