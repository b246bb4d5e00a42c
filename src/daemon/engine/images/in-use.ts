/**
 * Whether an image is in use, and what must not happen between that question and its removal. The rows of containers are read and
 * written without waiting, and so are the marks here: of a container that is being made and a removal that is being begun one comes
 * first, whatever either of them waits for before and after.
 */
import type { StoredImage } from './catalog.ts';
import type { ImageParts, ImageUser } from './parts.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';

/**
 * Finds an image and hands it to `take` in a turn in which nobody removes it: a row that is written there keeps it. Where it was being
 * removed, waits for the end of that and looks again.
 *
 * @param take must not wait for anything
 * @throws as resolveImage and `take` do
 */
export async function useImage<T>(
  parts: Pick<ImageParts, 'records' | 'manifests' | 'catalog' | 'removals'>,
  name: string,
  take: (image: ResolvedImage) => T,
  signal?: AbortSignal,
  platform?: string,
): Promise<T> {
  for (;;) {
    using watch = parts.removals.watch();
    const image = await resolveImage(name, parts, signal, platform);
    const end = parts.removals.end(image.id);
    // One that began and ended meanwhile may have come between the record that was read and now.
    if (end === undefined && !watch.begun.has(image.id)) return take(image);
    await end;
  }
}

/** The ids by which containers may use an image: of every platform that its names stand for, and that is here. */
export async function idsBehind(
  { manifests }: Pick<ImageParts, 'manifests'>,
  image: StoredImage,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const targets = new Map(image.records.map(({ target }) => [target.digest, target]));
  const ids = await Promise.all(
    [...targets.values()].map(({ mediaType, digest, size }) =>
      manifests.ids({ mediaType, digest, size: Number(size) }, signal),
    ),
  );
  return [...new Set([image.id, ...ids.flat()])];
}

/** The containers made from any of these images, at this moment. */
export function usersOf({ containersUsing }: Pick<ImageParts, 'containersUsing'>, ids: readonly string[]): ImageUser[] {
  return ids.flatMap((id) => containersUsing(id));
}
