/** What an image is called and how old it is, as its records and its configuration say. */
import { familiar, isUnnamed } from '../../../api/reference.ts';
import type { StoredImage } from './catalog.ts';

/** The names of an image in familiar form. */
export function namesOf(image: StoredImage): { tags: string[]; digests: string[] } {
  const tags = new Set<string>();
  const digests = new Set<string>();
  for (const { name, reference } of image.records) {
    if (isUnnamed(name)) continue;
    if (reference?.digest !== undefined) digests.add(familiar(name));
    else if (reference !== undefined) tags.add(familiar(name));
    else if (!name.startsWith('sha256:')) tags.add(name);
  }
  return { tags: [...tags].sort(), digests: [...digests].sort() };
}

/** Nanoseconds since the epoch. */
export function createdAt(image: StoredImage): bigint {
  const milliseconds = Date.parse(image.content.config.created ?? '');
  return Number.isNaN(milliseconds) ? 0n : BigInt(milliseconds) * 1_000_000n;
}
