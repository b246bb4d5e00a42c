/** k3c-files on one container: which root it works in, whatever state the container is in. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, hasCode, K3cError } from '../../../../api/errors.ts';
import { type FilesJob, startFiles } from '../../../../host/files-helper.ts';
import type { SnapshotMount } from '../../../../host/mount.ts';
import { withLease } from '../../../backends/leases.ts';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EngineContext } from '../context.ts';
import { processId } from '../process-id.ts';
import { imageSnapshot, readStage } from './stage.ts';

/** Starts k3c-files. Its errors are FilesErrors. */
export function startJob(context: EngineContext, args: readonly string[], signal: AbortSignal): FilesJob {
  const { helper } = context.paths;
  if (helper === undefined) throw new K3cError(Code.UNIMPLEMENTED, 'this daemon was built without k3c-files');
  return startFiles(helper, args, signal);
}

/** Empty directories to mount over, in mount namespaces of k3c-files alone: all of them use the same two at once. */
export async function mountPoints(context: EngineContext): Promise<{ readonly root: string; readonly image: string }> {
  const base = join(context.paths.state, 'files');
  const places = { root: join(base, 'root'), image: join(base, 'image') };
  for (const path of Object.values(places)) await mkdir(path, { recursive: true, mode: 0o700 });
  return places;
}

/**
 * Arguments for the root of a container that runs; undefined when it does not.
 * @param bare without what is mounted in it
 */
export async function liveArgs(context: EngineContext, id: string, bare: boolean): Promise<string[] | undefined> {
  const live = context.live.get(id);
  if (live === undefined) return undefined;
  try {
    const pid = await processId(context, live.criId);
    if (pid > 0) return [`pid=${pid}`, `id=${live.criId}`, ...(bare ? ['bare=1'] : [])];
  } catch (error) {
    if (!hasCode(error, Code.NOT_FOUND)) throw error;
  }
  // It has ended; what is left of it can be looked at once that is recorded.
  await live.exit;
  return undefined;
}

/** The file system of a container that does not run: a snapshot's mounts, and its key where it can be written to. */
export interface StoppedRoot {
  readonly key: string;
  readonly mounts: readonly SnapshotMount[];
}

/**
 * Lends the file system of a container that does not run: that of its last attempt; else what was copied into it; else its
 * image. What is not an attempt's own is a view, there for the time of the act.
 */
export async function withStoppedRoot<T>(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
  act: (root: StoppedRoot) => Promise<T>,
): Promise<T> {
  const stage = await readStage(context, record.id);
  for (const key of [record.criId, stage.open]) {
    const mounts = key === '' ? undefined : await snapshotMounts(context, key, signal);
    if (mounts !== undefined) return await act({ key, mounts });
  }
  const parent = stage.layers.at(-1) ?? (await imageSnapshot(context, record));
  return await withView(context, parent, signal, act);
}

/** Lends a view of a committed snapshot. */
export async function withView<T>(
  context: EngineContext,
  parent: string,
  signal: AbortSignal,
  act: (root: StoppedRoot) => Promise<T>,
): Promise<T> {
  const { snapshotter } = context;
  const { snapshots, leases } = context.containerd;
  return await withLease(leases, { signal }, async (metadata) => {
    const key = `k3c-view-${randomUUID()}`;
    const { mounts } = await snapshots.view({ snapshotter, key, parent }, { metadata, signal });
    try {
      return await act({ key, mounts });
    } finally {
      await snapshots.remove({ snapshotter, key });
    }
  });
}

/** How a snapshot is mounted; undefined when it is not there. */
export async function snapshotMounts(
  context: EngineContext,
  key: string,
  signal: AbortSignal,
): Promise<readonly SnapshotMount[] | undefined> {
  const { snapshotter } = context;
  const { snapshots } = context.containerd;
  try {
    return (await snapshots.mounts({ snapshotter, key }, { signal })).mounts;
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return undefined;
    throw error;
  }
}
