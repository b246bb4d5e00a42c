/** `images`: one entry an image id, with docker's filters. */
import type { StoredImage } from './catalog.ts';
import { type ImageFilters, imageTests, recordPattern } from './image-filters.ts';
import { createdAt, namesOf } from './names.ts';
import type { ImageParts } from './parts.ts';
import type { ImageSizes } from './sizes.ts';

export interface ListedImage {
  readonly id: string;
  /** Familiar forms, sorted. */
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  /** Nanoseconds since the epoch; 0 when the image does not say. */
  readonly createdAt: bigint;
  /** Bytes; see ImageSizes. */
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: number;
}

export interface ListOptions {
  /** k3c's own images too. */
  readonly all?: boolean;
  readonly filters?: ImageFilters;
  readonly signal?: AbortSignal | undefined;
}

const LIST_FILTERS = ['dangling', 'reference', 'label', 'before', 'since', 'until'] as const;

/** Newest first. Throws INVALID_ARGUMENT for a bad filter, NOT_FOUND for the image of `before` or `since`. */
export async function listImages(parts: ImageParts, sizes: ImageSizes, options: ListOptions): Promise<ListedImage[]> {
  const { signal } = options;
  const tests = await imageTests(parts, options.filters ?? {}, LIST_FILTERS, signal);
  const images = await parts.catalog.images(signal);
  sizes.retain(images.map((image) => image.content));
  const patterns = (options.filters?.['reference'] ?? []).map(recordPattern);
  const shown = images
    .filter((image) => (options.all || !image.internal) && tests.every((test) => test(image)))
    .map((image) => withMatchingNames(image, patterns));
  const listed = await Promise.all(
    shown.map(async (image): Promise<ListedImage> => {
      const size = await sizes.of(image.content, signal);
      return {
        id: image.id,
        ...namesOf(image),
        createdAt: createdAt(image),
        size,
        labels: image.content.config.config?.Labels ?? {},
        containers: parts.containersUsing(image.id).length,
      };
    }),
  );
  return listed.sort((a, b) => {
    if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
    return (a.tags[0] ?? a.id).localeCompare(b.tags[0] ?? b.id);
  });
}

/** An image that was asked for by name shows the names that match, as docker has it; without patterns all of them. */
function withMatchingNames(image: StoredImage, patterns: readonly ReturnType<typeof recordPattern>[]): StoredImage {
  if (patterns.length === 0) return image;
  return { ...image, records: image.records.filter((record) => patterns.some((matches) => matches(record))) };
}
