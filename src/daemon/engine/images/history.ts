/** `history`: how an image was made, as its configuration tells it. */

import { namesOf } from './names.ts';
import type { OciHistory } from './oci.ts';
import type { ImageParts } from './parts.ts';
import type { ImageSizes } from './sizes.ts';

export interface HistoryEntry {
  /** Of the image, for the newest entry; empty for the others: what they made has no image of its own. */
  readonly id: string;
  /** Nanoseconds since the epoch; 0 when the image does not say. */
  readonly createdAt: bigint;
  readonly createdBy: string;
  /** Bytes of the layer, unpacked. */
  readonly size: number;
  readonly comment: string;
  readonly tags: readonly string[];
}

/** Newest first. Throws as Catalog.find does. */
export async function imageHistory(
  parts: Pick<ImageParts, 'catalog'>,
  sizes: ImageSizes,
  name: string,
  signal?: AbortSignal,
): Promise<HistoryEntry[]> {
  const { image } = await parts.catalog.find(name, signal);
  const layers = await sizes.layers(image.content, signal);
  const entries = pairLayers(image.content.config.history ?? [], layers).reverse();
  const { tags } = namesOf(image);
  return entries.map(({ step, size }, i) => ({
    id: i === 0 ? image.id : '',
    createdAt: toNanoseconds(step.created),
    createdBy: step.created_by ?? '',
    size,
    comment: step.comment ?? '',
    tags: i === 0 ? tags : [],
  }));
}

/**
 * The steps with what each added, oldest first. A layer that no step tells of (tools that squash leave such) has a step of its own.
 */
export function pairLayers(
  history: readonly OciHistory[],
  layers: readonly number[],
): { readonly step: OciHistory; readonly size: number }[] {
  const left = [...layers];
  const told = history.map((step) => ({ step, size: step.empty_layer === true ? 0 : (left.shift() ?? 0) }));
  return [...told, ...left.map((size) => ({ step: {}, size }))];
}

function toNanoseconds(created: string | undefined): bigint {
  const milliseconds = Date.parse(created ?? '');
  return Number.isNaN(milliseconds) ? 0n : BigInt(milliseconds) * 1_000_000n;
}
