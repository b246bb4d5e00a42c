/** What a container is made from: a name or id turned into an image id and its configuration. */

import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { canonical, familiar, formatReference, isImageId, parseReference } from '../../../api/reference.ts';
import { type Catalog, toOci } from './catalog.ts';
import { chainIds } from './chain.ts';
import type { ImageContent, Manifests } from './manifests.ts';
import { formatPlatform, hostPlatform, type OciImageConfig, type Platform, platformMatches } from './oci.ts';
import { parsePlatform } from './platform-flag.ts';
import type { ImageRecords } from './records.ts';

export interface ResolvedImage {
  /** Digest of the configuration. */
  readonly id: string;
  /** The normalised name it was found by, or the id when it was named by id. CRI finds the image by either. */
  readonly reference: string;
  readonly config: OciImageConfig;
  /** Key of the snapshot that holds the unpacked image; empty for an image without layers. */
  readonly chainId: string;
  /** os/arch of an image that is not for this machine. */
  readonly foreign: string | undefined;
  /** Chain ids of all layers, bottom first. */
  readonly layers: readonly string[];
}

/**
 * Throws as Catalog.find does, and the same as for an image that is not there when it is for another platform than the wanted one.
 * An image that is there by its exact name costs two short calls at most.
 *
 * @param platform os/arch[/variant]; empty: whatever is there, this machine's first
 */
export async function resolveImage(
  name: string,
  parts: { readonly records: ImageRecords; readonly manifests: Manifests; readonly catalog: Catalog },
  signal?: AbortSignal,
  platform = '',
): Promise<ResolvedImage> {
  const wanted = platform === '' ? undefined : parsePlatform(platform);
  const exact = exactName(name);
  const record = exact === undefined ? undefined : await parts.records.get(exact, signal);
  if (exact !== undefined && record?.target !== undefined) {
    try {
      return resolved(exact, await parts.manifests.open(toOci(record.target), wanted, signal), wanted);
    } catch (error) {
      // The record has no image behind it; the long way says so in docker's words.
      if (!hasCode(error, Code.NOT_FOUND)) throw error;
    }
  }
  const found = await parts.catalog.find(name, signal);
  const content =
    wanted === undefined || found.record === undefined
      ? found.image.content
      : await parts.manifests.open(toOci(found.record.target), wanted, signal);
  return resolved(found.record?.name ?? found.image.id, content, wanted);
}

function exactName(name: string): string | undefined {
  if (isImageId(name)) return undefined;
  try {
    return formatReference(canonical(parseReference(name)));
  } catch (error) {
    if (hasCode(error, Code.INVALID_ARGUMENT)) return undefined;
    throw error;
  }
}

function resolved(reference: string, content: ImageContent, wanted: Platform | undefined): ResolvedImage {
  const { id, config } = content;
  if (wanted !== undefined && !platformMatches(wanted, config)) {
    throw new K3cError(
      Code.NOT_FOUND,
      `image with reference ${familiar(reference)} was found but does not match the specified platform: ` +
        `wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(config)}`,
      { reason: 'image-not-found' },
    );
  }
  const layers = chainIds(config.rootfs.diff_ids);
  return { id, reference, config, chainId: layers.at(-1) ?? '', foreign: foreignPlatform(config), layers };
}

function foreignPlatform(config: OciImageConfig): string | undefined {
  return platformMatches(hostPlatform(), config) ? undefined : formatPlatform(config);
}
