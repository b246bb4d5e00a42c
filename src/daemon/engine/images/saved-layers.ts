/** The layers of an image as an archive has them. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import type { ContentStore } from './content.ts';
import { mediaTypes, type OciManifest } from './oci.ts';

export interface SavedLayer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** Whether it is another blob than the stored one. */
  readonly changed: boolean;
  readonly data: () => AsyncIterable<Buffer>;
}

/** What layers compressed with zstd are without it. */
const plainTypes: Readonly<Record<string, string>> = {
  [mediaTypes.ociLayerZstd]: mediaTypes.ociLayer,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'application/vnd.docker.image.rootfs.diff.tar',
};

/**
 * Layers compressed with zstd are unpacked twice: a tar wants to know their size beforehand, and that is cheaper than a copy on disk.
 *
 * @param diffIds digests of the uncompressed layers
 */
export async function savedLayers(
  content: ContentStore,
  manifest: OciManifest,
  diffIds: readonly string[],
  signal?: AbortSignal,
): Promise<SavedLayer[]> {
  const saved: SavedLayer[] = [];
  for (const [i, layer] of manifest.layers.entries()) {
    const mediaType = plainTypes[layer.mediaType];
    const diffId = diffIds[i];
    if (mediaType === undefined || diffId === undefined) {
      saved.push({ ...layer, changed: false, data: () => content.stream(layer.digest, signal) });
      continue;
    }
    const data = () => withoutZstd(content.stream(layer.digest, signal));
    let size = 0;
    for await (const chunk of data()) size += chunk.length;
    saved.push({ mediaType, digest: diffId, size, changed: true, data });
  }
  return saved;
}

async function* withoutZstd(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const plain = createZstdDecompress({ chunkSize: 1 << 20 });
  const copied = pipeline(Readable.from(compressed, { objectMode: false, highWaterMark: 1 << 20 }), plain);
  // Its failure ends the reading below, too; until it is met there it must not count as unhandled.
  copied.catch(() => undefined);
  try {
    for await (const chunk of plain) yield chunk as Buffer;
    await copied;
  } finally {
    plain.destroy();
  }
}
