/** A new image: the documents around a layer that is in the content store already, and around those below it. */

import type { Descriptor } from '../../../api/gen/types/descriptor.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import type { ContentStore } from './content.ts';
import { mediaTypes, type OciDescriptor, type OciImageConfig } from './oci.ts';

export interface Layer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** Digest of the layer uncompressed. */
  readonly diffId: string;
}

export interface AssembledImage {
  readonly id: string;
  readonly target: Descriptor;
}

/** The layers of the image that a new one stands on. */
export interface LayersBelow {
  readonly layers: readonly OciDescriptor[];
  readonly diffIds: readonly string[];
}

/** Writes configuration and manifest under a lease, each holding on to what it names. */
export async function assembleImage(
  content: ContentStore,
  layer: Layer,
  config: Omit<OciImageConfig, 'rootfs'>,
  options: {
    readonly metadata: Metadata;
    readonly signal?: AbortSignal | undefined;
    readonly below?: LayersBelow | undefined;
  },
): Promise<AssembledImage> {
  const { metadata, signal, below } = options;
  const diffIds = [...(below?.diffIds ?? []), layer.diffId];
  const document: OciImageConfig = { ...config, rootfs: { type: 'layers', diff_ids: diffIds } };
  const written = await content.writeJson(document, { metadata, signal });
  const { mediaType, digest, size } = layer;
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: written.digest, size: written.size },
    layers: [...(below?.layers ?? []), { mediaType, digest, size }],
  };
  const labels = {
    'containerd.io/gc.ref.content.config': written.digest,
    ...Object.fromEntries(manifest.layers.map((each, i) => [`containerd.io/gc.ref.content.l.${i}`, each.digest])),
  };
  const top = await content.writeJson(manifest, { metadata, signal, labels });
  return {
    id: written.digest,
    target: { mediaType: mediaTypes.ociManifest, digest: top.digest, size: BigInt(top.size), annotations: {} },
  };
}
