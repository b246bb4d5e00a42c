/**
 * Bundles of runtime tasks that a killed containerd was just deleting: it hides a directory by a dot before it empties it (containerd,
 * core/runtime/v2/bundle.go), and never looks at hidden ones again.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NAMESPACE } from './containerd.ts';

/**
 * Deletes them. Before every start of containerd, and only while none runs. Nothing is mounted in there any more: the root file system
 * goes before the name.
 * @returns how many there were
 */
export async function removeLostBundles(places: {
  readonly containerdState: string;
  readonly containerdRoot: string;
}): Promise<number> {
  let removed = 0;
  for (const place of [places.containerdState, places.containerdRoot]) {
    const directory = join(place, 'io.containerd.runtime.v2.task', NAMESPACE);
    for (const name of await list(directory)) {
      if (!/^\.[0-9a-z]/.test(name)) continue;
      await rm(join(directory, name), { recursive: true, force: true });
      removed += 1;
    }
  }
  return removed;
}

async function list(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    // No task was ever made.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
