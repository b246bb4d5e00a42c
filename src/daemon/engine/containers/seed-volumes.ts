/** docker's copy-up: a volume that is still empty takes over what the image has at its mount point. */
import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { copyTree } from '../../../host/copy-tree.ts';
import type { ResolvedMount } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { resolveInRoot } from './rooted-path.ts';
import { viewRootfs } from './view-rootfs.ts';
import { seedingMark, volumeData } from './volumes.ts';

/** Fills the empty volumes of a container that CRI has created and not started. */
export async function seedVolumes(
  context: EngineContext,
  criId: string,
  mounts: readonly ResolvedMount[],
): Promise<void> {
  const volumes = mounts.filter(
    ({ volume, noCopy, subpath }) =>
      volume !== '' && noCopy !== true && subpath === undefined && !context.volumeMounts.isReadOnly(volume),
  );
  const unseeded = await Promise.all(volumes.map(({ volume }) => isUnseeded(context, volume)));
  if (!unseeded.includes(true)) return;
  await viewRootfs(context, criId, async (root) => {
    for (const { target, volume } of volumes) await seed(context, volume, await resolveInRoot(root, target));
  });
}

/**
 * Two containers may start on one new volume at once: the second waits and finds it filled. The mark stands while a copy is
 * under way, so that half of one, left by a daemon that was killed or a disk that was full, is not taken for the whole. Going on
 * with it deletes nothing: somebody may have written into the volume meanwhile.
 */
function seed(context: EngineContext, volume: string, from: string): Promise<void> {
  return context.locks.run(`volume ${volume}`, async () => {
    if (!(await isUnseeded(context, volume))) return;
    const mark = seedingMark(context.paths.volumes, volume);
    await writeFile(mark, '');
    await copyTree(from, volumeData(context.paths.volumes, volume));
    await rm(mark);
  });
}

async function isUnseeded(context: EngineContext, volume: string): Promise<boolean> {
  const names = await readdir(volumeData(context.paths.volumes, volume));
  return names.length === 0 || existsSync(seedingMark(context.paths.volumes, volume));
}
