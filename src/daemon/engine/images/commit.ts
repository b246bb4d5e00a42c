/** `commit`: an image with one more layer, and what a container says of how it runs. */
import { Code, K3cError } from '../../../api/errors.ts';
import { canonical, formatReference, parseReference } from '../../../api/reference.ts';
import { withLease } from '../../backends/leases.ts';
import { assembleImage } from './assemble.ts';
import { applyChanges } from './changes.ts';
import { mediaTypes, type OciDescriptor, type OciHistory, type OciRunConfig } from './oci.ts';
import type { ImageParts } from './parts.ts';
import { unpackLayer } from './unpack.ts';

export interface CommitOptions {
  /** Id of the image that the container was made from. */
  readonly parent: string;
  /** Name of the new image; empty for none. */
  readonly reference: string;
  readonly author: string;
  readonly message: string;
  /** The container's configuration; what it leaves out is the parent's. */
  readonly config: OciRunConfig;
  /** Dockerfile instructions on top of it. */
  readonly changes: readonly string[];
  /** The command line whose changes these are, for the history. */
  readonly createdBy: string;
  /** The tar of the new layer. */
  readonly layer: AsyncIterable<Buffer>;
  readonly signal?: AbortSignal | undefined;
}

/** Layers of docker's schema 2 under the names that OCI has for them: the same bytes. */
const ociNames: Readonly<Record<string, string>> = {
  'application/vnd.docker.image.rootfs.diff.tar': mediaTypes.ociLayer,
  'application/vnd.docker.image.rootfs.diff.tar.gzip': mediaTypes.ociLayerGzip,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': mediaTypes.ociLayerZstd,
};

/**
 * Returns the image id. CRI sees the image when this returns. Until the records are made all of it hangs on a lease: of a commit
 * that was cut off nothing stays. Throws INVALID_ARGUMENT for a bad name or change, NOT_FOUND when the parent is gone.
 */
export async function commitImage(parts: ImageParts, options: CommitOptions): Promise<string> {
  const { signal, author, message } = options;
  const names = options.reference === '' ? [] : [formatReference(canonical(parseReference(options.reference)))];
  if (names.some((name) => name.includes('@'))) {
    throw new K3cError(Code.INVALID_ARGUMENT, 'refusing to create a tag with a digest reference', {
      reason: 'bad-input',
    });
  }
  const { content: parent } = (await parts.catalog.find(options.parent, signal)).image;
  const { OnBuild: _, ...inherited } = parent.config.config ?? {};
  const config = applyChanges({ ...inherited, ...options.config }, options.changes);
  const below = parent.config.rootfs.diff_ids;
  return await withLease(parts.containerd.leases, { signal }, async (metadata) => {
    const { digest, size } = await parts.content.write(options.layer, { metadata, signal });
    const layer = { mediaType: mediaTypes.ociLayer, digest, size, diffId: digest };
    const chainId = await unpackLayer(parts, layer, metadata, signal, below);
    const created = new Date().toISOString();
    const entry: OciHistory = {
      created,
      created_by: options.createdBy,
      ...(author !== '' && { author }),
      ...(message !== '' && { comment: message }),
    };
    const { created: _created, author: _author, rootfs: _rootfs, ...platform } = parent.config;
    const image = await assembleImage(
      parts.content,
      layer,
      {
        ...platform,
        created,
        ...(author !== '' && { author }),
        config,
        history: [...(parent.config.history ?? []), entry],
      },
      { metadata, signal, below: { layers: parent.manifest.layers.map(toOciName), diffIds: below } },
    );
    // The snapshot lives as long as the image.
    await parts.content.label(image.id, { [`containerd.io/gc.ref.snapshot.${parts.snapshotter}`]: chainId }, signal);
    await parts.exclusively(() => parts.records.adopt(image.id, names, image.target, {}, signal));
    await parts.records.settled(names[0] ?? image.id, image.id, signal);
    return image.id;
  });
}

function toOciName({ mediaType, digest, size, ...rest }: OciDescriptor): OciDescriptor {
  return { ...rest, mediaType: ociNames[mediaType] ?? mediaType, digest, size };
}
