/**
 * Cgroups of starts that were cut off: containerd's end takes a `runc create` along that has made its group already, and what comes after
 * finds no container to delete.
 */
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NAMESPACE } from './containerd.ts';

const MOUNT = '/sys/fs/cgroup';
/** CRI's ids of sandboxes and containers. */
const CRI_ID = /^[0-9a-f]{64}$/;

export interface CgroupPlaces {
  readonly containerdState: string;
  /** Above the pods of this daemon, such as /k3c. */
  readonly parent: string;
  readonly version: 1 | 2;
  /** Where cgroups are mounted; for tests. */
  readonly mount?: string;
}

/**
 * Removes the cgroups of containers that no process is in: those below the parent, and those that runtime bundles name elsewhere
 * (--cgroup-parent). Before every start of containerd, and only while none runs: a group is made before its first process. Where
 * systemd makes the groups it removes them, too. Returns how many containers it were.
 */
export async function removeLostCgroups(places: CgroupPlaces): Promise<number> {
  const { version, mount = MOUNT } = places;
  const hierarchies = version === 2 ? [mount] : (await readdir(mount)).map((name) => join(mount, name));
  const groups = await candidates(places, hierarchies);
  let removed = 0;
  for (const group of groups) {
    const paths = hierarchies.map((hierarchy) => join(hierarchy, group));
    if (await anyPopulated(paths)) continue;
    const gone = await Promise.all(paths.map(removeTree));
    if (gone.includes(true)) removed += 1;
  }
  return removed;
}

async function candidates(
  { parent, containerdState }: CgroupPlaces,
  hierarchies: readonly string[],
): Promise<ReadonlySet<string>> {
  const listed = await Promise.all(hierarchies.map((hierarchy) => list(join(hierarchy, parent))));
  const ids = new Set(listed.flat().filter((name) => CRI_ID.test(name)));
  const groups = new Set([...ids].map((id) => join(parent, id)));
  const bundles = join(containerdState, 'io.containerd.runtime.v2.task', NAMESPACE);
  for (const id of await list(bundles)) {
    const group = ids.has(id) ? undefined : await groupOf(join(bundles, id));
    if (group !== undefined) groups.add(group);
  }
  return groups;
}

/** Undefined for a bundle without a specification yet, for the names of systemd's units, and for a group that may be others', too. */
async function groupOf(bundle: string): Promise<string | undefined> {
  const text = await readFile(join(bundle, 'config.json'), 'utf8').catch(absent);
  const path = text === undefined ? undefined : /"cgroupsPath":"(\/[^"\\:]+)"/.exec(text)?.[1];
  return path?.split('/').some((part) => CRI_ID.test(part)) === true ? path : undefined;
}

async function anyPopulated(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) if (await isPopulated(path)) return true;
  return false;
}

/** Whether a process is in the group or in one below it: a container may have made some. */
async function isPopulated(path: string): Promise<boolean> {
  const processes = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(absent);
  if (processes !== undefined && processes !== '') return true;
  for (const name of await directories(path)) if (await isPopulated(join(path, name))) return true;
  return false;
}

/** False where there is none. */
async function removeTree(path: string): Promise<boolean> {
  for (const name of await directories(path)) await removeTree(join(path, name));
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    // EBUSY: a process has come into it, so it is not lost.
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
    return absent(error as NodeJS.ErrnoException) ?? false;
  }
}

async function directories(path: string): Promise<string[]> {
  const entries = (await readdir(path, { withFileTypes: true }).catch(absent)) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function list(path: string): Promise<string[]> {
  return (await readdir(path).catch(absent)) ?? [];
}

/** Also ENODEV: a group that went while it was read. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENODEV') return undefined;
  throw error;
}
