/** A new image of one layer: the documents around a layer that is in the content store already. */

import type { Descriptor } from '../../../api/gen/types/descriptor.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import type { ContentStore } from './content.ts';
import { mediaTypes, type OciImageConfig } from './oci.ts';

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

/** Writes configuration and manifest under a lease, each holding on to what it names. */
export async function assembleImage(
  content: ContentStore,
  layer: Layer,
  config: Omit<OciImageConfig, 'rootfs'>,
  options: { readonly metadata: Metadata; readonly signal?: AbortSignal | undefined },
): Promise<AssembledImage> {
  const document: OciImageConfig = { ...config, rootfs: { type: 'layers', diff_ids: [layer.diffId] } };
  const written = await content.writeJson(document, options);
  const { mediaType, digest, size } = layer;
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: written.digest, size: written.size },
    layers: [{ mediaType, digest, size }],
  };
  const labels = {
    'containerd.io/gc.ref.content.config': written.digest,
    'containerd.io/gc.ref.content.l.0': digest,
  };
  const top = await content.writeJson(manifest, { ...options, labels });
  return {
    id: written.digest,
    target: { mediaType: mediaTypes.ociManifest, digest: top.digest, size: BigInt(top.size), annotations: {} },
  };
}
