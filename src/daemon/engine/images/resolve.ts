/** What a container is made from: a name or id turned into an image id and its configuration. */

import { Code, hasCode } from '../../../api/errors.ts';
import { canonical, formatReference, isImageId, parseReference } from '../../../api/reference.ts';
import { type Catalog, toOci } from './catalog.ts';
import { chainIds } from './chain.ts';
import type { ImageContent, Manifests } from './manifests.ts';
import type { OciImageConfig } from './oci.ts';
import type { ImageRecords } from './records.ts';

export interface ResolvedImage {
  /** Digest of the configuration. */
  readonly id: string;
  /** The normalised name it was found by, or the id when it was named by id. CRI finds the image by either. */
  readonly reference: string;
  readonly config: OciImageConfig;
  /** Key of the snapshot that holds the unpacked image; empty for an image without layers. */
  readonly chainId: string;
  /** Chain ids of all layers, bottom first. */
  readonly layers: readonly string[];
}

/** Throws as Catalog.find does. An image that is there by its exact name costs two short calls at most. */
export async function resolveImage(
  name: string,
  parts: { readonly records: ImageRecords; readonly manifests: Manifests; readonly catalog: Catalog },
  signal?: AbortSignal,
): Promise<ResolvedImage> {
  const exact = exactName(name);
  const record = exact === undefined ? undefined : await parts.records.get(exact, signal);
  if (exact !== undefined && record?.target !== undefined) {
    try {
      return resolved(exact, await parts.manifests.open(toOci(record.target), undefined, signal));
    } catch (error) {
      // The record has no image behind it; the long way says so in docker's words.
      if (!hasCode(error, Code.NOT_FOUND)) throw error;
    }
  }
  const found = await parts.catalog.find(name, signal);
  return resolved(found.record?.name ?? found.image.id, found.image.content);
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

function resolved(reference: string, content: ImageContent): ResolvedImage {
  const { id, config } = content;
  const layers = chainIds(config.rootfs.diff_ids);
  return { id, reference, config, chainId: layers.at(-1) ?? '', layers };
}
