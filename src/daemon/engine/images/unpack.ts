/** A layer applied to an empty snapshot, as `run` needs it. */
import { randomUUID } from 'node:crypto';
import { Code, hasCode, K3cError, toK3cError } from '../../../api/errors.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import type { Layer } from './assemble.ts';
import { chainIds } from './chain.ts';
import type { ImageParts } from './parts.ts';

/**
 * Unpacks a layer of an image.
 *
 * @param below the diff ids of the layers under it, which are unpacked
 * @returns the chain id: the key of the committed snapshot
 * @throws INVALID_ARGUMENT when the layer is no tar
 */
export async function unpackLayer(
  parts: ImageParts,
  layer: Layer,
  metadata: Metadata,
  signal?: AbortSignal,
  below: readonly string[] = [],
): Promise<string> {
  const { snapshotter } = parts;
  const { snapshots, diff } = parts.containerd;
  const parent = chainIds(below).at(-1) ?? '';
  const name = chainIds([...below, layer.diffId]).at(-1) ?? '';
  const options = { metadata, signal };
  const key = `k3c-unpack-${randomUUID()}`;
  const { mounts } = await snapshots.prepare({ snapshotter, key, parent }, options);
  try {
    const { mediaType, digest, size } = layer;
    const { applied } = await diff.apply({ diff: { mediaType, digest, size: BigInt(size) }, mounts }, options);
    if (applied?.digest !== layer.diffId) {
      throw new K3cError(Code.DATA_LOSS, `unpacking ${digest} gave ${applied?.digest}, not ${layer.diffId}`);
    }
    await snapshots.commit({ snapshotter, key, name }, options);
  } catch (error) {
    await snapshots.remove({ snapshotter, key }, { metadata }).catch((failure: unknown) => {
      // Committed by name already, or containerd is gone; the lease's end takes the rest.
      if (!hasCode(failure, Code.NOT_FOUND, Code.UNAVAILABLE)) throw failure;
    });
    if (hasCode(error, Code.ALREADY_EXISTS)) return name;
    const known = toK3cError(error);
    if (known.code === Code.CANCELLED || known.code === Code.UNAVAILABLE) throw known;
    // containerd puts the path of a mount of its own before the reason.
    const why = known.message.replace(/^.*mount callback failed on \S+: /s, '');
    throw new K3cError(Code.INVALID_ARGUMENT, `cannot unpack the tar: ${why}`, {
      reason: 'bad-input',
      cause: error,
    });
  }
  return name;
}
