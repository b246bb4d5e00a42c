/** The storage engine: what lies on disk, and the end of what nobody uses. */
import type { BuildCacheCalls } from '../../backends/buildkitd.ts';
import type { Containerd } from '../../backends/containerd.ts';
import type { State } from '../../state/database.ts';
import type { EventBus } from '../events/bus.ts';
import {
  type BuildCacheRecord,
  buildCache,
  type PruneBuildCacheOptions,
  type PrunedBuildCache,
  pruneBuildCache,
} from './build-cache.ts';
import { type StorageParts, type StorageUsage, storageUsage } from './disk-usage.ts';

export interface StorageEngineParts extends StorageParts {
  readonly containerd: Pick<Containerd, 'containers' | 'leases'>;
  readonly buildkitd: BuildCacheCalls;
  readonly state: State;
  readonly events: EventBus;
}

/** Makes the engine. It holds no resource of its own. */
export function storageEngine(parts: StorageEngineParts) {
  return {
    usage: (signal: AbortSignal): Promise<StorageUsage> => storageUsage(parts, signal),
    buildCache: (
      filters: Readonly<Record<string, readonly string[]>>,
      signal: AbortSignal,
    ): Promise<readonly BuildCacheRecord[]> => buildCache(parts.buildkitd, filters, signal),
    async pruneBuildCache(options: PruneBuildCacheOptions): Promise<PrunedBuildCache> {
      const pruned = await pruneBuildCache(parts, options);
      const attributes = { reclaimed: String(pruned.reclaimed) };
      parts.events.record({ type: 'builder', action: 'prune', actor: '', attributes });
      return pruned;
    },
  };
}
