/** What images hold on to on disk: blobs of the content store, compressed, and snapshots, unpacked. */
import { Code, hasCode } from '../../../api/errors.ts';
import type { Containerd } from '../../backends/containerd.ts';
import type { StoredImage } from './catalog.ts';
import { chainIds } from './chain.ts';
import { type ListedImage, listImages } from './list.ts';
import type { ImageParts } from './parts.ts';
import type { ImageSizes } from './sizes.ts';

interface StoredBlob {
  /** Bytes. */
  readonly size: number;
  /** Digests of what it keeps from being collected. */
  readonly children: readonly string[];
}

/** All of the store's content and snapshots, at one moment. */
export interface Storage {
  readonly blobs: ReadonlyMap<string, StoredBlob>;
  /** Bytes by the snapshot's key. */
  readonly snapshots: ReadonlyMap<string, number>;
}

/** A part of a Storage. */
export interface Holding {
  readonly blobs: ReadonlySet<string>;
  readonly snapshots: ReadonlySet<string>;
}

export interface ImageStorage {
  readonly images: readonly (ListedImage & { readonly sharedSize: number })[];
  /** Bytes of all images, compressed and unpacked. What several of them have counts once. */
  readonly size: number;
  /** Bytes that only images have which no container uses. */
  readonly reclaimable: number;
  /** Bytes of blobs that belong to no image. */
  readonly otherBlobs: number;
  /** Snapshots that belong to no image: of containers, and of BuildKit. */
  readonly otherSnapshots: ReadonlyMap<string, number>;
}

const CHILD_LABEL = /^containerd\.io\/gc\.ref\.content(?:[./]|$)/;

export async function readStorage(
  { content, snapshots }: Pick<Containerd, 'content' | 'snapshots'>,
  snapshotter: string,
  signal?: AbortSignal,
): Promise<Storage> {
  const blobs = new Map<string, StoredBlob>();
  for await (const { info } of content.list({}, { signal })) {
    for (const { digest, size, labels } of info) {
      const children = Object.entries(labels).flatMap(([label, child]) => (CHILD_LABEL.test(label) ? [child] : []));
      blobs.set(digest, { size: Number(size), children });
    }
  }
  const keys: string[] = [];
  for await (const { info } of snapshots.list({ snapshotter }, { signal })) keys.push(...info.map(({ name }) => name));
  const sizes = await Promise.all(
    keys.map(async (key) => {
      try {
        return [key, Number((await snapshots.usage({ snapshotter, key }, { signal })).size)] as const;
      } catch (error) {
        // Gone meanwhile.
        if (hasCode(error, Code.NOT_FOUND)) return undefined;
        throw error;
      }
    }),
  );
  return { blobs, snapshots: new Map(sizes.filter((each) => each !== undefined)) };
}

/** What of a storage these images have. */
export function holdingOf(images: readonly StoredImage[], storage: Storage): Holding {
  const blobs = new Set<string>();
  const snapshots = new Set<string>();
  const queue = images.flatMap(({ records }) => records.map(({ target }) => target.digest));
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    const blob = storage.blobs.get(digest);
    if (blob === undefined || blobs.has(digest)) continue;
    blobs.add(digest);
    queue.push(...blob.children);
  }
  for (const { content } of images) {
    for (const key of chainIds(content.config.rootfs.diff_ids)) if (storage.snapshots.has(key)) snapshots.add(key);
  }
  return { blobs, snapshots };
}

/** Bytes. */
export function sizeOf({ blobs, snapshots }: Holding, storage: Storage): number {
  let size = 0;
  for (const digest of blobs) size += storage.blobs.get(digest)?.size ?? 0;
  for (const key of snapshots) size += storage.snapshots.get(key) ?? 0;
  return size;
}

/** Measures what images hold, for `system df`. */
export async function imageStorage(parts: ImageParts, sizes: ImageSizes, signal?: AbortSignal): Promise<ImageStorage> {
  const [storage, stored, listed] = await Promise.all([
    readStorage(parts.containerd, parts.snapshotter, signal),
    parts.catalog.images(signal),
    listImages(parts, sizes, { signal }),
  ]);
  const all = holdingOf(stored, storage);
  const used = new Set(listed.filter(({ containers }) => containers > 0).map(({ id }) => id));
  const size = sizeOf(all, storage);
  const layers = new Map(stored.map((image) => [image.id, new Set(chainIds(image.content.config.rootfs.diff_ids))]));
  const holders = new Map<string, number>();
  for (const keys of layers.values()) for (const key of keys) holders.set(key, (holders.get(key) ?? 0) + 1);
  const shared = (id: string) => {
    let bytes = 0;
    for (const key of layers.get(id) ?? []) if ((holders.get(key) ?? 0) > 1) bytes += storage.snapshots.get(key) ?? 0;
    return bytes;
  };
  const kept = holdingOf(
    stored.filter((image) => used.has(image.id) || image.internal || image.pinned),
    storage,
  );
  let otherBlobs = 0;
  for (const [digest, blob] of storage.blobs) if (!all.blobs.has(digest)) otherBlobs += blob.size;
  return {
    images: listed.map((image) => ({ ...image, sharedSize: shared(image.id) })),
    size,
    reclaimable: size - sizeOf(kept, storage),
    otherBlobs,
    otherSnapshots: new Map([...storage.snapshots].filter(([key]) => !all.snapshots.has(key))),
  };
}
