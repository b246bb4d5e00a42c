/** What went wrong between us and a registry, in docker's words. */
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import { familiar, familiarRepository, formatReference, type Reference } from '../../../api/reference.ts';
import { registryFailure } from '../../backends/registry-error.ts';
import { unreachable } from './unreachable.ts';

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
  const failure = registryFailure(error);
  const unreached = unreachable(failure, registry, known.message, error);
  if (unreached !== undefined) return unreached;
  switch (failure) {
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
          `log in anew with k3c login, or check configs.${registry}.auth in registries.yaml`,
          'unauthorized',
        );
      }
      return fail(
        Code.UNAUTHENTICATED,
        `${registry} wants a login for ${repository}: no basic auth credentials`,
        `log in with k3c login${registry === 'docker.io' ? '' : ` ${registry}`}, or put credentials into registries.yaml`,
        'unauthorized',
      );
    case 'denied':
      return fail(
        Code.PERMISSION_DENIED,
        direction === 'pull'
          ? `pull access denied for ${repository}, repository does not exist or may require a login`
          : `denied: requested access to ${repository} is denied`,
        `log in with k3c login as a user who may ${direction} it`,
        'unauthorized',
      );
    case 'no-space':
      return fail(
        Code.RESOURCE_EXHAUSTED,
        `no space left on device for ${name}`,
        'remove images that are not needed with k3c rmi',
      );
    default:
      return fail(known.code, `${direction} of ${name} failed: ${known.message}`);
  }
}
