/** The cgroups of one daemon: a parent of its own, so that daemons side by side never meet there. */
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface CgroupParents {
  /** Above the pods of containers. */
  readonly containers: string;
  /** Above build steps, as BuildKit is to be told. */
  readonly builds: string;
}

/**
 * Names the parents. The default daemon's is `k3c`; others are told apart by their bridge, which no two daemons share. For
 * the systemd driver they are slices, for cgroupfs absolute paths.
 */
export function cgroupParents(bridgeName: string, driver: 'systemd' | 'cgroupfs'): CgroupParents {
  const own = bridgeName === 'k3c0' ? '' : bridgeName.replace(/[^A-Za-z0-9]/g, '_');
  // A dash nests slices (systemd.slice(5)): k3c-build.slice lies in k3c.slice.
  const slice = own === '' ? 'k3c' : `k3c-${own}`;
  // SLICE:PREFIX:NAME is how runc is told of a scope; BuildKit appends a step's name only to what ends so.
  if (driver === 'systemd') return { containers: `${slice}.slice`, builds: `${slice}-build.slice:buildkit:` };
  return { containers: `/${slice}`, builds: `/${slice}/build` };
}

/**
 * Removes the parents and what is left in them, such as the empty groups of build steps (cgroupfs driver; systemd removes empty
 * slices itself). The kernel refuses to remove a group that has processes, so this cannot hurt anything that runs.
 */
export async function removeCgroups(version: 1 | 2, parents: CgroupParents): Promise<void> {
  const mount = '/sys/fs/cgroup';
  const hierarchies = version === 2 ? [mount] : (await readdir(mount)).map((name) => join(mount, name));
  for (const hierarchy of hierarchies) {
    for (const path of [parents.builds, parents.containers]) await removeGroup(join(hierarchy, path));
  }
}

/** Removes a group after its children, as far as the kernel lets it. */
async function removeGroup(path: string): Promise<void> {
  try {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeGroup(join(path, entry.name));
    }
    await rmdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Absent, in use, or in a hierarchy that is none of ours.
    if (code !== 'ENOENT' && code !== 'EBUSY' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
  }
}
