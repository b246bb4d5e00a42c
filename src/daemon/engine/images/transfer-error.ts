/** What went wrong between us and a registry, in docker's words. */
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import { familiar, familiarRepository, formatReference, type Reference } from '../../../api/reference.ts';
import { registryFailure } from '../../backends/registry-error.ts';

export interface TransferFailureContext {
  readonly direction: 'pull' | 'push';
  readonly reference: Reference;
  /** The registry had already said what the name stands for. */
  readonly resolved: boolean;
  readonly platform?: string | undefined;
  /** Credentials were offered. */
  readonly withCredentials: boolean;
}

/** Turns an error of a transfer into one clear sentence. Aborts and our own errors pass. */
export function transferError(error: unknown, context: TransferFailureContext): K3cError {
  const known = toK3cError(error);
  if (known.code === Code.CANCELLED || known.reason !== undefined) return known;
  const { direction, reference, resolved } = context;
  const name = familiar(formatReference(reference));
  const repository = familiarRepository(reference);
  const registry = reference.domain;
  const fail = (code: Code, message: string, hint?: string, reason?: 'image-not-found' | 'unauthorized') =>
    new K3cError(code, message, { cause: error, hint, reason });
  switch (registryFailure(error)) {
    case 'not-found':
      if (direction === 'pull' && !resolved) {
        return fail(
          Code.NOT_FOUND,
          `manifest for ${name} not found: manifest unknown`,
          `check the name and the tag, or whether ${registry} wants a login`,
          'image-not-found',
        );
      }
      if (direction === 'pull' && context.platform !== undefined) {
        return fail(
          Code.NOT_FOUND,
          `no matching manifest for ${context.platform} in the manifest list entries of ${name}`,
          'choose another with --platform',
          'image-not-found',
        );
      }
      return fail(Code.NOT_FOUND, `${direction} of ${name} failed: ${known.message}`);
    case 'unauthorized':
      if (context.withCredentials) {
        return fail(
          Code.UNAUTHENTICATED,
          `${registry} refused the login: unauthorized: incorrect username or password`,
          `check ~/.docker/config.json, or configs.${registry}.auth in registries.yaml`,
          'unauthorized',
        );
      }
      return fail(
        Code.UNAUTHENTICATED,
        `${registry} wants a login for ${repository}: no basic auth credentials`,
        `put credentials for ${registry} into ~/.docker/config.json, as docker login does, or into registries.yaml`,
        'unauthorized',
      );
    case 'denied':
      return fail(
        Code.PERMISSION_DENIED,
        direction === 'pull'
          ? `pull access denied for ${repository}, repository does not exist or may require a login`
          : `denied: requested access to ${repository} is denied`,
        `give credentials of a user who may ${direction} it in ~/.docker/config.json or registries.yaml`,
        'unauthorized',
      );
    case 'rate-limited':
      return fail(
        Code.RESOURCE_EXHAUSTED,
        `toomanyrequests: ${registry} limits how often it is asked`,
        'wait and try again, log in, or name a mirror in registries.yaml',
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
        `cannot trust ${registry}: ${tail(known.message)}`,
        'give its CA in registries.yaml (configs, tls, ca_file)',
      );
    case 'plain-http':
      return fail(
        Code.UNAVAILABLE,
        `${registry} speaks plain HTTP, not HTTPS`,
        'name it as a mirror with an http:// endpoint in registries.yaml',
      );
    case 'no-space':
      return fail(
        Code.RESOURCE_EXHAUSTED,
        `no space left on device for ${name}`,
        'remove images that are not needed with k3c rmi',
      );
    case 'other':
      return fail(known.code, `${direction} of ${name} failed: ${known.message}`);
  }
}

/** The innermost part of a Go error: what follows the last wrapping. */
function tail(message: string): string {
  const at = message.search(/x509: |tls: /);
  return at === -1 ? message : message.slice(at);
}
