/** What is asked of a registry itself: to try a login, and which tags a repository has. */
import { Code, K3cError } from '../../../api/errors.ts';
import { familiarRepository, parseReference } from '../../../api/reference.ts';
import { RegistryClient } from '../../backends/registry/client.ts';
import { registryFailure } from '../../backends/registry-error.ts';
import type { Credentials } from '../../backends/transfer.ts';
import type { ImageParts } from './parts.ts';
import { transferError } from './transfer-error.ts';
import { credentialsFor } from './transfer-events.ts';
import { unreachable } from './unreachable.ts';

/**
 * Tries credentials at a registry.
 *
 * @param server host[:port]
 * @returns an identity token to keep instead of the password; empty where the registry gives none
 * @throws UNAUTHENTICATED unauthorized when they are not taken; INVALID_ARGUMENT for what is no host; what `unreachable` says
 */
export async function login(
  parts: ImageParts,
  server: string,
  credentials: Credentials,
  signal?: AbortSignal,
): Promise<string> {
  if (!/^(\[[\da-fA-F:]+\]|[a-zA-Z\d][\w.-]*)(:\d+)?$/.test(server)) {
    throw new K3cError(Code.INVALID_ARGUMENT, `${JSON.stringify(server)} is not the address of a registry`, {
      reason: 'bad-input',
      hint: 'give its host, or host:port',
    });
  }
  const client = await RegistryClient.open(parts.registries.server(server), credentials);
  try {
    return (await client.login(signal)) ?? '';
  } catch (error) {
    if (signal?.aborted === true) throw error;
    const failure = registryFailure(error);
    if (failure === 'unauthorized' || failure === 'denied') {
      throw new K3cError(
        Code.UNAUTHENTICATED,
        `login to ${server} failed: unauthorized: incorrect username or password`,
        {
          reason: 'unauthorized',
          cause: error,
        },
      );
    }
    const known = unreachable(failure, server, (error as Error).message, error);
    if (known !== undefined) throw known;
    throw new K3cError(Code.UNAVAILABLE, `login to ${server} failed: ${(error as Error).message}`, { cause: error });
  } finally {
    client.close();
  }
}

/**
 * The tags of a repository: from the first that answers of its mirrors and the registry itself.
 *
 * @throws what transferError says
 */
export async function remoteTags(
  parts: ImageParts,
  name: string,
  given: Credentials,
  signal?: AbortSignal,
): Promise<string[]> {
  const reference = parseReference(name);
  let withCredentials = false;
  const find = credentialsFor(reference, given, parts.registries.credentials, () => {
    withCredentials = true;
  });
  let failure: unknown;
  for (const { server, rename } of parts.registries.sources(reference.domain)) {
    const client = await RegistryClient.open(server, find(server.host));
    try {
      return await client.tags(rename(reference.path), signal);
    } catch (error) {
      if (signal?.aborted === true) throw error;
      // The registry's own word, which comes last, is the one that counts.
      failure = error;
    } finally {
      client.close();
    }
  }
  if (registryFailure(failure) === 'not-found') {
    throw new K3cError(Code.NOT_FOUND, `repository ${familiarRepository(reference)} not found: name unknown`, {
      reason: 'image-not-found',
      cause: failure,
    });
  }
  throw transferError(failure, { direction: 'pull', reference, resolved: false, withCredentials });
}
