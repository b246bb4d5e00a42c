/** A snapshot as k3c-files mounts it: in a mount namespace of its own, so that nothing is left when it ends, however it ends. */
import { dirname, join } from 'node:path';
import { overlayDirectories, type SnapshotMount } from '../../../../host/mount.ts';

/**
 * Arguments that mount a snapshot to read it. Whatever has to be made in it on the way (mount points) goes to a layer in memory
 * that is thrown away.
 * @param at an empty directory, hidden by the mount for that process alone
 */
export function readingArgs(mounts: readonly SnapshotMount[], at: string): string[] {
  const { directory, directories } = relativeTo(layersOf(mounts));
  return [`directory=${directory}`, `lower=${directories.join(':')}`, `at=${at}`, ...more(mounts)];
}

/** Arguments that mount an active snapshot to write into it. Nobody else may have it mounted. */
export function writingArgs(mounts: readonly SnapshotMount[], at: string): string[] {
  const [mount] = mounts;
  if (mount?.type !== 'overlay') return [`source=${mount?.source ?? ''}`];
  const work = option(mount, 'workdir') ?? '';
  const [upper = '', ...lower] = layersOf(mounts);
  const { directory, directories } = relativeTo([upper, work, ...lower]);
  const [upperPath = '', workPath = '', ...lowerPaths] = directories;
  return [
    `directory=${directory}`,
    `lower=${lowerPaths.join(':')}`,
    `upper=${upperPath}`,
    `work=${workPath}`,
    `at=${at}`,
    ...more(mounts),
  ];
}

/**
 * Arguments that compare a snapshot with the one below it.
 * @param overlay whether what differs can be read from the upper directory alone
 */
export function comparingArgs(
  image: readonly SnapshotMount[],
  snapshot: readonly SnapshotMount[],
  overlay: boolean,
  at: { readonly image: string; readonly root: string },
): string[] {
  const [mount] = snapshot;
  const upper = mount === undefined || !overlay ? undefined : option(mount, 'upperdir');
  const below = layersOf(image);
  const all = [...below, ...(upper === undefined ? layersOf(snapshot) : [])];
  const { directory, directories } = relativeTo(all);
  const lower = directories.slice(0, below.length).join(':');
  const own = directories.slice(below.length).join(':');
  return [
    `directory=${directory}`,
    `image=${lower}`,
    `image-at=${at.image}`,
    ...(upper === undefined ? [`lower=${own}`, `at=${at.root}`] : [`changed=${upper}`]),
    ...more(snapshot),
  ];
}

/** Directories of a snapshot, the uppermost first. */
function layersOf([mount, ...others]: readonly SnapshotMount[]): string[] {
  if (mount === undefined || others.length > 0) throw new Error(`expected one mount, got ${others.length + 1}`);
  return mount.type === 'overlay' ? overlayDirectories(mount.options) : [mount.source];
}

function option(mount: SnapshotMount, name: string): string | undefined {
  return mount.options.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** What the snapshotter says beyond directories, `index=off` and the like. */
function more([mount]: readonly SnapshotMount[]): string[] {
  if (mount?.type !== 'overlay') return [];
  const kept = mount.options.filter(
    (each) => !/^(lowerdir|upperdir|workdir)=/.test(each) && each !== 'ro' && each !== 'rw',
  );
  return kept.length === 0 ? [] : [`more=${kept.join(',')}`];
}

/** The data of mount(2) is one page, and an image may have a hundred layers: their paths are given from a directory above. */
function relativeTo(paths: readonly string[]): { readonly directory: string; readonly directories: readonly string[] } {
  let directory = dirname(paths[0] ?? '/');
  while (!paths.every((path) => path.startsWith(join(directory, '/')))) directory = dirname(directory);
  return { directory, directories: paths.map((path) => path.slice(join(directory, '/').length)) };
}
