/** `import`: the tar of a root file system becomes an image of one layer. */
import { createHash } from 'node:crypto';
import { PassThrough, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Code, K3cError } from '../../../api/errors.ts';
import { canonical, formatReference, parseReference } from '../../../api/reference.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import { withLease } from '../../backends/leases.ts';
import { assembleImage, type Layer } from './assemble.ts';
import { applyChanges } from './changes.ts';
import { hostPlatform, mediaTypes } from './oci.ts';
import type { ImageParts } from './parts.ts';
import { startsWith, tarHead } from './tar-head.ts';
import { unpackLayer } from './unpack.ts';

export interface ImportOptions {
  /** Name of the image; empty for none. */
  readonly reference: string;
  readonly message: string;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  /** The tar, plain or compressed with gzip or zstd. It is stored as it comes. */
  readonly bytes: AsyncIterable<Buffer>;
  readonly signal?: AbortSignal | undefined;
}

interface Compression {
  readonly magic: readonly number[];
  readonly mediaType: string;
  readonly open: () => Transform;
}

const compressions: readonly Compression[] = [
  { magic: [0x1f, 0x8b], mediaType: mediaTypes.ociLayerGzip, open: createGunzip },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], mediaType: mediaTypes.ociLayerZstd, open: createZstdDecompress },
];
/** Returns the image id. Throws INVALID_ARGUMENT for a bad name or change and for bytes that are no tar. */
export async function importImage(parts: ImageParts, options: ImportOptions): Promise<string> {
  const names = options.reference === '' ? [] : [formatReference(canonical(parseReference(options.reference)))];
  if (names.some((name) => name.includes('@'))) {
    throw new K3cError(Code.INVALID_ARGUMENT, 'refusing to create a tag with a digest reference', {
      reason: 'bad-input',
    });
  }
  const config = applyChanges({}, options.changes);
  const { signal } = options;
  return withLease(parts.containerd.leases, { signal }, async (metadata) => {
    const layer = await writeLayer(parts, options.bytes, metadata, signal);
    const chainId = await unpackLayer(parts, layer, metadata, signal);
    const created = new Date().toISOString();
    const { os, architecture } = hostPlatform();
    const comment = options.message === '' ? 'Imported from -' : options.message;
    const image = await assembleImage(
      parts.content,
      layer,
      { created, os, architecture, config, history: [{ created, comment }] },
      { metadata, signal },
    );
    // The snapshot lives as long as the image.
    await parts.content.label(image.id, { [`containerd.io/gc.ref.snapshot.${parts.snapshotter}`]: chainId }, signal);
    await parts.exclusively(() => parts.records.adopt(image.id, names, image.target, {}, signal));
    await parts.records.settled(names[0] ?? image.id, image.id, signal);
    return image.id;
  });
}

/** Stores the layer as it comes and computes, in the same pass, the digest of what is inside the compression. */
async function writeLayer(
  parts: ImageParts,
  bytes: AsyncIterable<Buffer>,
  metadata: Metadata,
  signal?: AbortSignal,
): Promise<Layer> {
  const { head, bytes: all } = await tarHead(bytes, 'import');
  const compression = compressions.find(({ magic }) => startsWith(head, magic));
  if (compression === undefined) {
    const { digest, size } = await parts.content.write(all, { metadata, signal });
    return { mediaType: mediaTypes.ociLayer, digest, size, diffId: digest };
  }
  const hash = createHash('sha256');
  const compressed = new PassThrough();
  const inside = pipeline(compressed, compression.open(), async (plain: AsyncIterable<Buffer>) => {
    for await (const data of plain) hash.update(data);
  });
  // Its failure is met below, after the writing; until then it must not count as unhandled.
  inside.catch(() => undefined);
  try {
    const written = await parts.content.write(tee(all, compressed, inside), { metadata, signal });
    compressed.end();
    await inside;
    const { digest, size } = written;
    return { mediaType: compression.mediaType, digest, size, diffId: `sha256:${hash.digest('hex')}` };
  } catch (error) {
    compressed.destroy();
    const { code } = error as { code?: unknown };
    if (typeof code === 'string' && /^(Z_|ZSTD_|ERR_ZSTD|ERR_STREAM_PREMATURE)/.test(code)) {
      throw new K3cError(Code.INVALID_ARGUMENT, 'the compressed tar is damaged or incomplete', {
        reason: 'bad-input',
        cause: error,
      });
    }
    throw error;
  }
}

/** Passes data on and writes a copy of it, at the pace of the slower side. */
async function* tee(source: AsyncIterable<Buffer>, copy: PassThrough, copied: Promise<void>): AsyncGenerator<Buffer> {
  for await (const data of source) {
    if (!copy.write(data)) {
      const drained = new Promise<void>((resolve) => copy.once('drain', resolve));
      await Promise.race([drained, copied]);
    }
    yield data;
  }
}
