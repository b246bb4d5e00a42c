/** `image prune`: images without a tag, or all that no container uses (moby, daemon/images/image_prune.go). */
import { familiar, isUnnamed } from '../../../api/reference.ts';
import { collectGarbage } from '../../backends/leases.ts';
import type { StoredImage } from './catalog.ts';
import { chainIds } from './chain.ts';
import { type ImageFilters, imageTests } from './image-filters.ts';
import { idsBehind, usersOf } from './in-use.ts';
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

/** An image that nobody used when it was asked, and the ids by which somebody may begin to. */
interface IdleImage {
  readonly image: StoredImage;
  readonly ids: readonly string[];
}

const NOTHING: PrunedImages = { untagged: [], images: [], deleted: [], reclaimed: 0 };

/**
 * Images of pods that k3c did not start count as used. An image that somebody begins to use meanwhile stays. Throws INVALID_ARGUMENT
 * for a bad filter.
 */
export async function pruneImages(parts: ImageParts, options: PruneOptions): Promise<PrunedImages> {
  const { signal } = options;
  const tests = await imageTests(parts, options.filters, ['label', 'label!', 'until'], signal);
  // Else their pods would still keep what nobody uses any more.
  await parts.removalsDone();
  return parts.exclusively(async () => {
    const used = await usedByPods(parts, signal);
    const idle: IdleImage[] = [];
    for (const image of await parts.catalog.images(signal)) {
      if (image.internal || image.pinned || !tests.every((test) => test(image))) continue;
      if (!options.all && namesOf(image).tags.length > 0) continue;
      const ids = await idsBehind(parts, image, signal);
      if (ids.every((id) => !used.has(id)) && usersOf(parts, ids).length === 0) idle.push({ image, ids });
    }
    return idle.length === 0 ? NOTHING : deleteAll(parts, idle, signal);
  });
}

/** Image ids of all containers that CRI knows. */
async function usedByPods(parts: ImageParts, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  const { containers } = await parts.containerd.cri.listContainers({}, { signal });
  return new Set(containers.flatMap(({ imageRef, imageId }) => [imageRef, imageId]));
}

async function deleteAll(parts: ImageParts, idle: readonly IdleImage[], signal?: AbortSignal): Promise<PrunedImages> {
  const { containerd, snapshotter, records, removals } = parts;
  const before = await readStorage(containerd, snapshotter, signal);
  const images: StoredImage[] = [];
  const untagged: string[] = [];
  for (const { image, ids } of idle) {
    // Once more: reading what is on disk, and the images before this one, took their time.
    const used = await usedByPods(parts, signal);
    if (ids.some((id) => used.has(id)) || usersOf(parts, ids).length > 0) continue;
    images.push(image);
    await removals.during(ids, async () => {
      for (const { name, target } of image.records) {
        const gone = await records.delete(name, target, false, signal);
        if (gone && name !== image.id && !isUnnamed(name)) untagged.push(familiar(name));
      }
    });
  }
  if (images.length === 0) return NOTHING;
  const held = holdingOf(images, before);
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
