/** A look into the file system of a container that CRI has created and not started. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mountReadOnly, unmountDetached } from '../../../host/mount.ts';
import type { EngineContext } from './context.ts';

/**
 * Mounts the container's snapshot for reading while `use` runs, and gives it the root. Several may look at once.
 * Throws what containerd, mount(2) and `use` throw.
 */
export async function viewRootfs<T>(
  context: EngineContext,
  criId: string,
  use: (root: string) => Promise<T>,
): Promise<T> {
  const { mounts: layers } = await context.containerd.snapshots.mounts({
    snapshotter: context.snapshotter,
    key: criId,
  });
  const root = join(viewDirectory(context), randomUUID());
  await mkdir(root, { recursive: true });
  try {
    const unmount = mountReadOnly(layers, root);
    try {
      return await use(root);
    } finally {
      unmount();
    }
  } finally {
    await rmdir(root);
  }
}

function viewDirectory(context: EngineContext): string {
  return join(context.paths.state, 'view');
}

/** Takes away the mounts that a daemon was killed with. */
export async function removeViews(context: EngineContext): Promise<void> {
  const directory = viewDirectory(context);
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(directory)) {
    unmountDetached(join(directory, name));
    await rmdir(join(directory, name));
  }
}
