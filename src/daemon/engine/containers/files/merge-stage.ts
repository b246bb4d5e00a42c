/**
 * One layer in the place of many. overlayfs takes 500 lower directories, and their paths must fit a page of memory; every copy into a
 * container that was started since the last one is a layer.
 */
import { Code, hasCode } from '../../../../api/errors.ts';
import type { Metadata } from '../../../../api/rpc/types.ts';
import { withLease } from '../../../backends/leases.ts';
import { mediaTypes } from '../../images/oci.ts';
import type { EngineContext } from '../context.ts';
import { labelsOf, nextName, tryToRemove } from './stage-snapshots.ts';

/** How many there may be. Merging reads the whole image once and copies all that was copied in: so it is seldom. */
export const MAX_LAYERS = 16;

/**
 * Makes a layer on the image with which everything is as it is with all of these. They stay. The caller holds the container's lock.
 *
 * @param id of the container
 * @param layers committed snapshots, the lowest first; there is one at least
 * @returns its name
 */
export async function mergeLayers(context: EngineContext, id: string, layers: readonly string[]): Promise<string> {
  const { snapshotter } = context;
  const { snapshots, diff, leases } = context.containerd;
  // Not by way of the image, which may have been removed by force; empty where that has no layers.
  const image = (await snapshots.stat({ snapshotter, key: layers[0] ?? '' })).info?.parent ?? '';
  const name = nextName(id, layers);
  const key = `${name}-open`;
  await removeUnmerged(context, id, layers);
  await withLease(leases, {}, async (metadata) => {
    const left = await view(context, `${name}-image`, image, metadata);
    const right = await view(context, `${name}-all`, layers.at(-1) ?? '', metadata);
    const { diff: layer } = await diff.diff({ left, right, mediaType: mediaTypes.ociLayer, ref: name }, { metadata });
    const { mounts } = await snapshots.prepare({ snapshotter, key, parent: image, labels: labelsOf(id) }, { metadata });
    try {
      await diff.apply({ diff: layer, mounts }, { metadata });
      await snapshots.commit({ snapshotter, key, name, labels: labelsOf(id) }, { metadata });
    } catch (error) {
      await tryToRemove(context, key).catch((failure: unknown) => {
        // containerd is gone: the next merge, or the removal of the container, takes it away.
        if (!hasCode(failure, Code.UNAVAILABLE)) throw failure;
      });
      throw error;
    }
  });
  for (const suffix of ['image', 'all']) await tryToRemove(context, `${name}-${suffix}`);
  return name;
}

/** Takes away what is left of a merge of these layers that was cut off: the daemon was killed, or containerd. */
export async function removeUnmerged(context: EngineContext, id: string, layers: readonly string[]): Promise<void> {
  const name = nextName(id, layers);
  for (const key of [`${name}-open`, name, `${name}-image`, `${name}-all`]) await tryToRemove(context, key);
}

/** A view that the lease holds until it ends. */
async function view(context: EngineContext, key: string, parent: string, metadata: Metadata) {
  const { snapshotter } = context;
  return (await context.containerd.snapshots.view({ snapshotter, key, parent }, { metadata })).mounts;
}
