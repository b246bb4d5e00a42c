/** Mounting snapshots to look into them. For the daemon alone. */
import { dirname } from 'node:path';
import { mount, unmount } from './libc.ts';

const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_BIND = 4096;
const MS_REC = 16384;
const MS_REMOUNT = 32;
const MNT_DETACH = 2;

/** Takes a mount away, for new users at once and for those that are in it when they leave. One that is none is fine. */
export function unmountDetached(path: string): void {
  try {
    unmount(path, MNT_DETACH);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  }
}

/** Mounts a directory or file of this machine, with what is mounted below it, at another path. Throws an ErrnoException. */
export function bindMount(source: string, target: string): void {
  mount(source, target, '', MS_BIND | MS_REC, '');
}

/** Gives a memory file system that nobody may run programs from another size. Throws an ErrnoException. */
export function resizeTmpfs(path: string, bytes: number): void {
  mount('', path, '', MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC, `size=${bytes}`);
}

/** What containerd's snapshotters answer (containerd, api/types/mount.proto). */
export interface SnapshotMount {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/**
 * Mounts a snapshot for reading. The upper directory of an overlay becomes one more lower one, so that the kernel does not
 * see two owners of it. Returns what unmounts it. Throws an ErrnoException.
 */
export function mountReadOnly(layers: readonly SnapshotMount[], target: string): () => void {
  const [layer] = layers;
  if (layer === undefined || layers.length > 1)
    throw new Error(`expected one mount for ${target}, got ${layers.length}`);
  if (layer.type === 'overlay') {
    mountOverlay(layer.options, (data) => mount('overlay', target, 'overlay', MS_RDONLY, data));
  } else {
    mount(layer.source, target, '', MS_BIND | MS_REC, '');
    try {
      mount('', target, '', MS_BIND | MS_REMOUNT | MS_RDONLY, '');
    } catch (error) {
      unmountDetached(target);
      throw error;
    }
  }
  return () => unmount(target, MNT_DETACH);
}

/**
 * The data of mount(2) is one page, and an image may have a hundred layers: paths are given relative to the snapshots'
 * common directory, which is the working directory for the one call. Nothing else of the process can run meanwhile.
 */
function mountOverlay(options: readonly string[], act: (data: string) => void): void {
  const directories = overlayDirectories(options);
  const kept = options.filter((option) => !/^(lowerdir|upperdir|workdir)=/.test(option));
  if (directories.length === 1) directories.push(directories[0] as string);
  const common = commonDirectory(directories);
  const relative = directories.map((path) => path.slice(common.length + 1));
  const before = process.cwd();
  process.chdir(common);
  try {
    act([`lowerdir=${relative.join(':')}`, ...kept].join(','));
  } finally {
    process.chdir(before);
  }
}

/** The layers of an overlay, the uppermost first. */
export function overlayDirectories(options: readonly string[]): string[] {
  const value = (name: string) => options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
  const upper = value('upperdir');
  return [
    ...(upper === undefined ? [] : [upper]),
    ...(value('lowerdir') ?? '').split(':').filter((path) => path !== ''),
  ];
}

function commonDirectory(paths: readonly string[]): string {
  let common = dirname(paths[0] ?? '/');
  while (!paths.every((path) => path.startsWith(`${common}/`))) common = dirname(common);
  return common === '/' ? '' : common;
}
