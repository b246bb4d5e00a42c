/** What a registry itself says where mirrors stand before it. */
import type { Reference } from '../../../api/reference.ts';
import { RegistryClient } from '../../backends/registry/client.ts';
import { RegistryFault } from '../../backends/registry/fault.ts';
import { registryFailure } from '../../backends/registry-error.ts';
import type { Credentials } from '../../backends/transfer.ts';
import { mediaTypes } from './oci.ts';
import type { ImageParts } from './parts.ts';

const ACCEPT = [mediaTypes.ociIndex, mediaTypes.ociManifest, mediaTypes.dockerList, mediaTypes.dockerManifest].join(
  ', ',
);

/**
 * The error that tells more. A mirror that does not have an image hides from containerd's error that the registry itself wanted a
 * login or could not be reached (core/remotes/docker/resolver.go), so the registry is asked once more, by us.
 */
export async function ownAnswer(
  parts: ImageParts,
  reference: Reference,
  error: unknown,
  credentials: (host: string) => Credentials,
  signal?: AbortSignal,
): Promise<unknown> {
  const sources = parts.registries.sources(reference.domain);
  const own = sources.at(-1);
  if (registryFailure(error) !== 'not-found' || sources.length < 2 || own === undefined) return error;
  const client = await RegistryClient.open(own.server, credentials(own.server.host));
  try {
    await client.find(reference.path, reference.digest ?? reference.tag ?? 'latest', ACCEPT, signal);
    return error;
  } catch (answer) {
    return answer instanceof RegistryFault && answer.failure !== 'not-found' ? answer : error;
  } finally {
    client.close();
  }
}
