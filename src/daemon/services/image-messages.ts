/** k3c.v1's image messages out of the engine's. */
import type { ImageSummary } from '../../api/gen/k3c.ts';
import type { ListedImage } from '../engine/images/list.ts';

export function toImageSummary(image: ListedImage) {
  return {
    id: image.id,
    tags: [...image.tags],
    digests: [...image.digests],
    createdAt: image.createdAt,
    size: BigInt(image.size),
    labels: { ...image.labels },
    containers: BigInt(image.containers),
  } satisfies ImageSummary;
}
