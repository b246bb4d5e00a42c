/** docker's copy-up: a volume that is still empty takes over what the image has at its mount point. */
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { copyTree } from '../../../host/copy-tree.ts';
import { mountReadOnly, unmountDetached } from '../../../host/mount.ts';
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
  const volumes = mounts.filter(({ volume }) => volume !== '');
  const empty = await Promise.all(volumes.map(({ volume }) => isEmpty(context, volume)));
  if (!empty.includes(true)) return;
  const { mounts: layers } = await context.containerd.snapshots.mounts({
    snapshotter: context.snapshotter,
    key: criId,
  });
  const root = join(seedDirectory(context), criId);
  await mkdir(root, { recursive: true });
  try {
    const unmount = mountReadOnly(layers, root);
    try {
      for (const { target, volume } of volumes) await seed(context, volume, await resolveInRoot(root, target));
    } finally {
      unmount();
    }
  } finally {
    await rmdir(root);
  }
}

function seedDirectory(context: EngineContext): string {
  return join(context.paths.state, 'seed');
}

/** Takes away the mounts that a daemon was killed with. */
export async function removeSeedMounts(context: EngineContext): Promise<void> {
  const directory = seedDirectory(context);
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(directory)) {
    unmountDetached(join(directory, name));
    await rmdir(join(directory, name));
  }
}

/** Two containers may start on one new volume at once: the second finds it filled. */
function seed(context: EngineContext, volume: string, from: string): Promise<void> {
  return context.locks.run(`volume ${volume}`, async () => {
    if (await isEmpty(context, volume)) await copyTree(from, volumeData(context.paths.volumes, volume));
  });
}

async function isEmpty(context: EngineContext, volume: string): Promise<boolean> {
  return (await readdir(volumeData(context.paths.volumes, volume))).length === 0;
}
