/** What containers take up on disk, as `ps -s` shows it. */
import { Code, hasCode } from '../../../api/errors.ts';
import type { Containerd } from '../../backends/containerd.ts';

export interface DiskUsage {
  /** Bytes of the writable layer. */
  readonly writable: bigint;
  /** Bytes of the whole root file system: the writable layer and those of the image. */
  readonly rootFs: bigint;
}

const NONE: DiskUsage = { writable: 0n, rootFs: 0n };

/**
 * Sums a container's snapshot and all below it. CRI names the snapshot after its container, so one that has not been started
 * yet, or whose attempt is gone, takes up nothing.
 */
export async function diskUsage(
  snapshots: Containerd['snapshots'],
  snapshotter: string,
  criId: string,
  signal?: AbortSignal,
): Promise<DiskUsage> {
  if (criId === '') return NONE;
  try {
    const { size: writable } = await snapshots.usage({ snapshotter, key: criId }, { signal });
    let rootFs = writable;
    for (let key = await parentOf(criId); key !== ''; key = await parentOf(key)) {
      rootFs += (await snapshots.usage({ snapshotter, key }, { signal })).size;
    }
    return { writable, rootFs };
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return NONE;
    throw error;
  }

  async function parentOf(key: string): Promise<string> {
    return (await snapshots.stat({ snapshotter, key }, { signal })).info?.parent ?? '';
  }
}
