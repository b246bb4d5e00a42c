/** `image prune`: images without a tag, or all that no container uses (moby, daemon/images/image_prune.go). */
import { familiar, isUnnamed } from '../../../api/reference.ts';
import { collectGarbage } from '../../backends/leases.ts';
import type { StoredImage } from './catalog.ts';
import { chainIds } from './chain.ts';
import { type ImageFilters, imageTests } from './image-filters.ts';
import { namesOf } from './names.ts';
import type { ImageParts } from './parts.ts';
import { holdingOf, readStorage, sizeOf } from './storage.ts';

export interface PruneOptions {
  /** Images with a tag, too. */
  readonly all: boolean;
  /** label, label!, until */
  readonly filters: ImageFilters;
  readonly signal?: AbortSignal | undefined;
}

export interface PrunedImages {
  /** Names in familiar form. */
  readonly untagged: readonly string[];
  /** Image ids. */
  readonly images: readonly string[];
  /** Image ids and the snapshots that went with them. */
  readonly deleted: readonly string[];
  /** Bytes on disk, compressed and unpacked, that are free when this returns. */
  readonly reclaimed: number;
}

/** Images of pods that k3c did not start count as used. Throws INVALID_ARGUMENT for a bad filter. */
export async function pruneImages(parts: ImageParts, options: PruneOptions): Promise<PrunedImages> {
  const { signal } = options;
  const tests = await imageTests(parts, options.filters, ['label', 'label!', 'until'], signal);
  // Else their pods would still keep what nobody uses any more.
  await parts.removalsDone();
  return parts.exclusively(async () => {
    const used = await usedByPods(parts, signal);
    const going: StoredImage[] = [];
    for (const image of await parts.catalog.images(signal)) {
      if (image.internal || image.pinned || used.has(image.id) || !tests.every((test) => test(image))) continue;
      if (!options.all && namesOf(image).tags.length > 0) continue;
      if ((await parts.containersUsing(image.id)).length === 0) going.push(image);
    }
    return going.length === 0
      ? { untagged: [], images: [], deleted: [], reclaimed: 0 }
      : deleteAll(parts, going, signal);
  });
}

/** Image ids of all containers that CRI knows. */
async function usedByPods(parts: ImageParts, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  const { containers } = await parts.containerd.cri.listContainers({}, { signal });
  return new Set(containers.flatMap(({ imageRef, imageId }) => [imageRef, imageId]));
}

async function deleteAll(
  parts: ImageParts,
  images: readonly StoredImage[],
  signal?: AbortSignal,
): Promise<PrunedImages> {
  const { containerd, snapshotter, records } = parts;
  const before = await readStorage(containerd, snapshotter, signal);
  const held = holdingOf(images, before);
  const untagged: string[] = [];
  for (const image of images) {
    for (const { name, target } of image.records) {
      const gone = await records.delete(name, target, false, signal);
      if (gone && name !== image.id && !isUnnamed(name)) untagged.push(familiar(name));
    }
  }
  await collectGarbage(containerd.leases);
  const after = await readStorage(containerd, snapshotter, signal);
  for (const { id } of images) await records.settled(id, undefined, signal);
  const snapshots = new Set([...held.snapshots].filter((key) => !after.snapshots.has(key)));
  const blobs = new Set([...held.blobs].filter((digest) => !after.blobs.has(digest)));
  const deleted = new Set<string>();
  for (const { id, content } of images) {
    deleted.add(id);
    for (const key of chainIds(content.config.rootfs.diff_ids).reverse()) if (snapshots.has(key)) deleted.add(key);
  }
  return {
    untagged,
    images: images.map(({ id }) => id),
    deleted: [...deleted],
    reclaimed: sizeOf({ blobs, snapshots }, before),
  };
}
