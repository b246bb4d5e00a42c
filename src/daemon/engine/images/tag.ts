/** `tag`: another name for an image. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { Descriptor } from '../../../api/gen/types/descriptor.ts';
import { canonical, formatReference, parseReference } from '../../../api/reference.ts';
import type { FoundImage } from './catalog.ts';
import type { ImageParts } from './parts.ts';

/** Throws NOT_FOUND for the source, INVALID_ARGUMENT for a target that is no name or has a digest. */
export async function tagImage(parts: ImageParts, source: string, target: string, signal?: AbortSignal): Promise<void> {
  const reference = canonical(parseReference(target));
  if (reference.digest !== undefined) {
    throw new K3cError(Code.INVALID_ARGUMENT, 'refusing to create a tag with a digest reference', {
      reason: 'bad-input',
    });
  }
  const name = formatReference(reference);
  const id = await parts.exclusively(async () => {
    // Within: a removal between the two would leave the new name without an image.
    const found = await parts.catalog.find(source, signal);
    await parts.records.adopt(found.image.id, [name], targetOf(found), {}, signal);
    return found.image.id;
  });
  await parts.records.settled(name, id, signal);
}

/** What a new name of the image points at: what the named record does, or the richest there is when an id was given. */
function targetOf(found: FoundImage): Descriptor {
  const { image, record } = found;
  if (record !== undefined) return record.target;
  const named = image.records.find((each) => each.reference !== undefined) ?? image.records[0];
  if (named === undefined) throw new K3cError(Code.INTERNAL, `${image.id} has no record`);
  return named.target;
}
