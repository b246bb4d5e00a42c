/**
 * Images that a build starts from, of registries that BuildKit cannot reach as registries.yaml says: it knows no settings for all
 * hosts, and none that were written after it started. They are pulled for it, as anybody's, and BuildKit finds them here.
 */
import { Code, hasCode } from '../../../api/errors.ts';
import { parseReference } from '../../../api/reference.ts';
import type { Credentials } from '../../backends/transfer.ts';
import type { ImageParts } from './parts.ts';
import { type PullResult, pullImage } from './pull.ts';
import { resolveImage } from './resolve.ts';

export interface BuildSourceOptions {
  /** As the builder names it. */
  readonly reference: string;
  /** os/arch[/variant]; empty for the host's. */
  readonly platform: string;
  /** Pull whatever the registry and though the image is here. Its failure is the build's then. */
  readonly always: boolean;
  readonly credentials?: Credentials;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pulls an image where the builder needs it. What fails is left to the builder, which tries by itself and says where in the Dockerfile
 * it was.
 *
 * @returns undefined when nothing was pulled
 * @throws as pullImage does, when it was to be pulled always
 */
export async function pullForBuild(parts: ImageParts, options: BuildSourceOptions): Promise<PullResult | undefined> {
  const { reference, platform, always, signal } = options;
  if (always) return pullImage(parts, options);
  if (!parts.isOursAlone(parseReference(reference).domain)) return undefined;
  if (await isHere(parts, reference, platform, signal)) return undefined;
  try {
    return await pullImage(parts, options);
  } catch (error) {
    if (signal?.aborted === true) throw error;
    parts.log.info({ err: error, image: reference }, 'cannot pull an image for a build, which tries by itself');
    return undefined;
  }
}

async function isHere(parts: ImageParts, reference: string, platform: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await resolveImage(reference, parts, signal, platform);
    return true;
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return false;
    throw error;
  }
}
