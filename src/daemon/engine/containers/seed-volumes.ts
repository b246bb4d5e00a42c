/** docker's copy-up: a volume that is still empty takes over what the image has at its mount point. */
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { copyTree } from '../../../host/copy-tree.ts';
import { mountReadOnly } from '../../../host/mount.ts';
import type { ResolvedMount } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { resolveInRoot } from './rooted-path.ts';
import { volumeData } from './volumes.ts';

/** Fills the empty volumes of a container that CRI has created and not started. */
export async function seedVolumes(
  context: EngineContext,
  criId: string,
  mounts: readonly ResolvedMount[],
): Promise<void> {
  const empty: ResolvedMount[] = [];
  for (const mount of mounts) {
    if (mount.volume === '') continue;
    if ((await readdir(volumeData(context.paths.volumes, mount.volume))).length === 0) empty.push(mount);
  }
  if (empty.length === 0) return;
  const { mounts: layers } = await context.containerd.snapshots.mounts({
    snapshotter: context.snapshotter,
    key: criId,
  });
  const root = join(context.paths.state, 'seed', criId);
  await mkdir(root, { recursive: true });
  try {
    const unmount = mountReadOnly(layers, root);
    try {
      for (const { target, volume } of empty)
        await copyTree(await resolveInRoot(root, target), volumeData(context.paths.volumes, volume));
    } finally {
      unmount();
    }
  } finally {
    await rmdir(root);
  }
}
