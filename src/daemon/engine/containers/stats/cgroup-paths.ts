/** Where the cgroups of a process lie in the file system (proc(5), cgroups(7)). */
import { join, relative } from 'node:path';
import { V1_CONTROLLERS, type V1Groups } from './cgroup-v1.ts';

/** A hierarchy that is mounted here. */
export interface CgroupMount {
  readonly version: 1 | 2;
  /** The path within the hierarchy that is seen at the mount point. */
  readonly root: string;
  readonly mountPoint: string;
  /** Of v1. */
  readonly controllers: readonly string[];
}

/** @param mountinfo text of /proc/self/mountinfo */
export function parseCgroupMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split('\n').flatMap((line): CgroupMount[] => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '', mountPoint = ''] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    if (type === 'cgroup2') return [{ version: 2, root, mountPoint, controllers: [] }];
    if (type === 'cgroup') return [{ version: 1, root, mountPoint, controllers: options.split(',') }];
    return [];
  });
}

/**
 * The directories of a process's v1 groups; controllers that are not mounted are left out.
 * @param membership text of /proc/PID/cgroup
 */
export function v1Groups(membership: string, mounts: readonly CgroupMount[]): V1Groups {
  const groups: Record<string, string> = {};
  for (const controller of V1_CONTROLLERS) {
    const path = pathOf(membership, (names) => names.split(',').includes(controller));
    const mount = mounts.find(({ version, controllers }) => version === 1 && controllers.includes(controller));
    if (path !== undefined && mount !== undefined) groups[controller] = directoryOf(mount, path);
  }
  return groups;
}

/** The directory of a process's v2 group; undefined where v2 is not mounted. */
export function v2Group(membership: string, mounts: readonly CgroupMount[]): string | undefined {
  const path = pathOf(membership, (names) => names === '');
  const mount = mounts.find(({ version }) => version === 2);
  return path === undefined || mount === undefined ? undefined : directoryOf(mount, path);
}

/** Lines `4:cpu,cpuacct:/path`; v2 is `0::/path`. */
function pathOf(membership: string, is: (controllers: string) => boolean): string | undefined {
  for (const line of membership.split('\n')) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match !== null && is(match[1] ?? '')) return match[2];
  }
  return undefined;
}

/** A mount can show a part of its hierarchy only, as it does in a container. */
function directoryOf({ root, mountPoint }: CgroupMount, path: string): string {
  const inside = relative(root, path);
  return inside.startsWith('..') ? join(mountPoint, path) : join(mountPoint, inside);
}
