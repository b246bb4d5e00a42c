/** The cgroups of one daemon: a parent of its own, so that daemons side by side never meet there. */
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface CgroupParents {
  /** Above the pods of containers. */
  readonly containers: string;
  /** Above build steps. */
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
  if (driver === 'systemd') return { containers: `${slice}.slice`, builds: `${slice}-build.slice` };
  return { containers: `/${slice}`, builds: `/${slice}/build` };
}

/**
 * Removes the parents that nothing uses any more (cgroupfs driver; systemd removes empty slices itself). The kernel refuses to
 * remove a cgroup with children or processes, so this cannot hurt anything that runs.
 */
export async function removeCgroups(version: 1 | 2, parents: CgroupParents): Promise<void> {
  const mount = '/sys/fs/cgroup';
  const hierarchies = version === 2 ? [mount] : (await readdir(mount)).map((name) => join(mount, name));
  for (const hierarchy of hierarchies) {
    for (const path of [parents.builds, parents.containers]) {
      try {
        await rmdir(join(hierarchy, path));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // Absent, in use, or a hierarchy that is a link to another or none of ours.
        if (code !== 'ENOENT' && code !== 'EBUSY' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
      }
    }
  }
}
