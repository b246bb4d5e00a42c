/** `system df`: what lies on disk, every byte in one row. */
import { dirname } from 'node:path';
import { directorySize } from '../../../host/directory-size.ts';
import type { BuildCacheCalls } from '../../backends/buildkitd.ts';
import type { Containerd } from '../../backends/containerd.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { State } from '../../state/database.ts';
import type { ImageEngine } from '../images/images.ts';
import type { ImageStorage } from '../images/storage.ts';
import { type VolumeUsage, volumeUsages } from '../volumes/usage.ts';
import { type BuildCacheRecord, buildCache } from './build-cache.ts';

export interface ContainerUsage {
  readonly record: ContainerRecord;
  /** Bytes of the writable layer. */
  readonly writable: number;
  /** Bytes of the writable layer, the pod's and the logs. */
  readonly size: number;
}

export interface StorageUsage {
  readonly images: ImageStorage;
  readonly containers: readonly ContainerUsage[];
  readonly volumes: readonly VolumeUsage[];
  readonly buildCache: readonly BuildCacheRecord[];
  /** Bytes. */
  readonly buildCacheSize: number;
}

export interface StorageParts {
  readonly containerd: Pick<Containerd, 'containers'>;
  readonly buildkitd: BuildCacheCalls;
  readonly images: Pick<ImageEngine, 'storage'>;
  readonly state: Pick<State, 'containers' | 'volumes'>;
  readonly paths: { readonly volumes: string; readonly buildkitRoot: string };
}

/** Measures all of it. Pods that k3c did not start are in no row. */
export async function storageUsage(parts: StorageParts, signal?: AbortSignal): Promise<StorageUsage> {
  const [images, records, { containers: pods }, buildkitFiles, volumes] = await Promise.all([
    parts.images.storage(signal),
    buildCache(parts.buildkitd, {}, signal),
    parts.containerd.containers.list({}, { signal }),
    directorySize(parts.paths.buildkitRoot, signal),
    volumeUsages(parts, signal),
  ]);
  const containers = await Promise.all(
    parts.state.containers.list().map(async (record): Promise<ContainerUsage> => {
      const writable = images.otherSnapshots.get(record.criId) ?? 0;
      // A sandbox of several containers, a few kilobytes, is nobody's.
      const pod = record.spec.pod === '' ? (images.otherSnapshots.get(record.sandboxId) ?? 0) : 0;
      const logs = await directorySize(dirname(record.logPath), signal);
      return { record, writable, size: writable + pod + logs };
    }),
  );
  const ofPods = new Set(pods.map(({ snapshotKey }) => snapshotKey));
  let buildCacheSize = images.otherBlobs + buildkitFiles;
  for (const [key, size] of images.otherSnapshots) if (!ofPods.has(key)) buildCacheSize += size;
  return { images, containers, volumes, buildCache: records, buildCacheSize };
}
