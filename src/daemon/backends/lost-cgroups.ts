/**
 * Cgroups of starts that were cut off: containerd's end takes a `runc create` along that has made its group already, and what comes after
 * finds no container to delete.
 */
import { readdirSync, readFileSync, rmdirSync } from 'node:fs';
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
 * systemd makes the groups it removes them, too. Synchronous: a container that runs costs one read. Returns how many containers it were.
 */
export function removeLostCgroups(places: CgroupPlaces): number {
  const { version, mount = MOUNT } = places;
  const hierarchies = version === 2 ? [mount] : readdirSync(mount).map((name) => join(mount, name));
  let removed = 0;
  for (const group of candidates(places, hierarchies)) {
    const paths = hierarchies.map((hierarchy) => join(hierarchy, group));
    if (paths.some(isPopulated)) continue;
    if (paths.filter(removeTree).length > 0) removed += 1;
  }
  return removed;
}

function candidates({ parent, containerdState }: CgroupPlaces, hierarchies: readonly string[]): ReadonlySet<string> {
  const listed = hierarchies.flatMap((hierarchy) => directories(join(hierarchy, parent)));
  const ids = new Set(listed.filter((name) => CRI_ID.test(name)));
  const groups = new Set([...ids].map((id) => join(parent, id)));
  const bundles = join(containerdState, 'io.containerd.runtime.v2.task', NAMESPACE);
  for (const id of directories(bundles)) {
    const group = ids.has(id) ? undefined : groupOf(join(bundles, id));
    if (group !== undefined) groups.add(group);
  }
  return groups;
}

/** Undefined for a bundle without a specification yet, for the names of systemd's units, and for a group that may be others', too. */
function groupOf(bundle: string): string | undefined {
  const text = present(() => readFileSync(join(bundle, 'config.json'), 'utf8'));
  const path = text === undefined ? undefined : /"cgroupsPath":"(\/[^"\\:]+)"/.exec(text)?.[1];
  return path?.split('/').some((part) => CRI_ID.test(part)) === true ? path : undefined;
}

/** Whether a process is in the group or in one below it: a container may have made some. */
function isPopulated(path: string): boolean {
  const processes = present(() => readFileSync(join(path, 'cgroup.procs'), 'utf8')) ?? '';
  return processes !== '' || directories(path).some((name) => isPopulated(join(path, name)));
}

/** False where there is none. */
function removeTree(path: string): boolean {
  for (const name of directories(path)) removeTree(join(path, name));
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    // EBUSY: a process has come into it, so it is not lost.
    if (isAbsence(error) || (error as NodeJS.ErrnoException).code === 'EBUSY') return false;
    throw error;
  }
}

function directories(path: string): string[] {
  const entries = present(() => readdirSync(path, { withFileTypes: true })) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function present<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** ENODEV: a group that went while it was read. */
function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '');
}
