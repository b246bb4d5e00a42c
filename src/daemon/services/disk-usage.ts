/** What k3c.v1.System says and does about what lies on disk. */
import type { Timestamp } from '../../api/gen/google/protobuf/timestamp.ts';
import type { BuildCacheRecord as CacheMessage, SystemDefinition } from '../../api/gen/k3c.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import { isPrunable } from '../engine/containers/prune.ts';
import type { BuildCacheRecord, PruneBuildCacheOptions, PrunedBuildCache } from '../engine/storage/build-cache.ts';
import type { StorageUsage } from '../engine/storage/disk-usage.ts';
import { toSummary } from './container-messages.ts';
import { toFilters } from './filters.ts';
import { toImageSummary } from './image-messages.ts';

type Filters = Readonly<Record<string, readonly string[]>>;

/** The engine's part, bound to what it works on. */
export interface StorageEngine {
  readonly usage: (signal: AbortSignal) => Promise<StorageUsage>;
  readonly buildCache: (filters: Filters, signal: AbortSignal) => Promise<readonly BuildCacheRecord[]>;
  readonly pruneBuildCache: (options: PruneBuildCacheOptions) => Promise<PrunedBuildCache>;
}

export function storageHandlers(
  storage: StorageEngine,
): Pick<Handlers<typeof SystemDefinition>, 'diskUsage' | 'pruneBuildCache'> {
  return {
    diskUsage: async ({ buildCacheOnly, buildCacheFilters }, { signal }) => {
      if (!buildCacheOnly) return toUsage(await storage.usage(signal));
      const records = await storage.buildCache(toFilters(buildCacheFilters), signal);
      return { buildCache: records.map(toCacheMessage) };
    },
    pruneBuildCache: async ({ all, filters, keepStorage }, { signal }) => {
      const options = { all, filters: toFilters(filters), keepBytes: keepStorage, signal };
      const { deleted, reclaimed } = await storage.pruneBuildCache(options);
      return { deleted: deleted.map(toCacheMessage), reclaimed };
    },
  };
}

function toUsage({ images, containers, volumes, buildCache, buildCacheSize }: StorageUsage) {
  const sum = (list: readonly { readonly size: number }[]) => BigInt(list.reduce((total, { size }) => total + size, 0));
  return {
    images: images.images.map((image) => ({ image: toImageSummary(image), sharedSize: BigInt(image.sharedSize) })),
    imagesSize: BigInt(images.size),
    imagesReclaimable: BigInt(images.reclaimable),
    containers: containers.map(({ record, writable }) => toSummary(record, { writable: BigInt(writable), rootFs: 0n })),
    containersSize: sum(containers),
    containersReclaimable: sum(containers.filter(({ record }) => isPrunable(record))),
    volumes: volumes.map(({ record, size, links }) => ({
      name: record.name,
      size: BigInt(size),
      links: BigInt(links),
    })),
    buildCache: buildCache.map(toCacheMessage),
    buildCacheSize: BigInt(buildCacheSize),
  };
}

function toCacheMessage(record: BuildCacheRecord): CacheMessage {
  return {
    id: record.ID,
    parents: record.Parents,
    type: record.RecordType,
    description: record.Description,
    inUse: record.InUse,
    shared: record.Shared,
    mutable: record.Mutable,
    size: record.Size,
    createdAt: toNanoseconds(record.CreatedAt),
    lastUsedAt: toNanoseconds(record.LastUsedAt),
    usageCount: record.UsageCount,
  };
}

function toNanoseconds(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : time.seconds * 1_000_000_000n + BigInt(time.nanos);
}
