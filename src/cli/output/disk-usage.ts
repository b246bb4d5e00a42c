/** `system df`: a row for each kind of thing, or with `-v` a list of each. */
import type { BuildCacheRecord, DiskUsageResponse, ImageUsage, VolumeUsage } from '../../api/gen/k3c.ts';
import { containerList } from './containers.ts';
import { type ImageRow, imageList, toImageRows } from './images.ts';
import { inWords, type ListForm, renderList, templateRow } from './rows.ts';
import { shortId } from './shorten.ts';
import { compileTemplate } from './template/template.ts';
import { goTime, humanDuration, humanSize, sinceNanos } from './units.ts';

export interface DiskUsageRow {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  /** Bytes. */
  readonly size: bigint;
  readonly reclaimable: bigint;
  /** Whether what can be reclaimed is shown as a part of the whole, too. */
  readonly percent: boolean;
}

export function diskUsageRows(usage: DiskUsageResponse): DiskUsageRow[] {
  const { images, containers, volumes, buildCache } = usage;
  const count = <T>(list: readonly T[], chosen: (item: T) => boolean) => list.filter(chosen).length;
  const sum = (list: readonly { readonly size: bigint }[]) => list.reduce((total, { size }) => total + size, 0n);
  const busy = sum(buildCache.filter(({ inUse, shared }) => inUse && !shared));
  return [
    {
      type: 'Images',
      total: images.length,
      active: count(images, ({ image }) => image !== undefined && image.containers > 0n),
      size: usage.imagesSize,
      reclaimable: usage.imagesReclaimable,
      percent: true,
    },
    {
      type: 'Containers',
      total: containers.length,
      active: count(containers, ({ state }) => ['running', 'paused', 'restarting'].includes(state)),
      size: usage.containersSize,
      reclaimable: usage.containersReclaimable,
      percent: true,
    },
    {
      type: 'Local Volumes',
      total: volumes.length,
      active: count(volumes, ({ links }) => links > 0n),
      size: sum(volumes),
      reclaimable: sum(volumes.filter(({ links }) => links === 0n)),
      percent: true,
    },
    {
      type: 'Build Cache',
      total: buildCache.length,
      active: count(buildCache, ({ inUse }) => inUse),
      size: usage.buildCacheSize,
      reclaimable: usage.buildCacheSize > busy ? usage.buildCacheSize - busy : 0n,
      percent: false,
    },
  ];
}

/** docker's form of the summary. */
export const diskUsageList: ListForm<DiskUsageRow> = {
  typeName: '*formatter.diskUsageContext',
  quiet: '{{.Type}}',
  table: '{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}',
  fields: {
    Type: { heading: 'TYPE', value: ({ type }) => type },
    TotalCount: { heading: 'TOTAL', value: ({ total }) => String(total) },
    Active: { heading: 'ACTIVE', value: ({ active }) => String(active) },
    Size: { heading: 'SIZE', value: ({ size }) => humanSize(size) },
    Reclaimable: {
      heading: 'RECLAIMABLE',
      value: ({ size, reclaimable, percent }) =>
        `${humanSize(reclaimable)}${percent && size > 0n ? ` (${(reclaimable * 100n) / size}%)` : ''}`,
    },
  },
};

interface DetailOptions {
  readonly format?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** docker's `-v`: four tables, or a template over the four lists. */
export function diskUsageDetails(usage: DiskUsageResponse, { format = '', now }: DetailOptions): string {
  const table = format === '' || format === 'table';
  const images = usage.images.flatMap(toUsedImage);
  const imageForm = usedImageList(table, now);
  const containerForm = usedContainerList(table, now);
  const cacheForm = cacheList(table, now);
  if (table) {
    return [
      'Images space usage:\n',
      renderList(images, imageForm, {}),
      'Containers space usage:\n',
      renderList(usage.containers, containerForm, {}),
      'Local Volumes space usage:\n',
      renderList(usage.volumes, volumeList, {}),
      `Build cache usage: ${humanSize(usage.buildCacheSize)}\n`,
      renderList(usage.buildCache, cacheForm, {}),
    ].join('\n');
  }
  const all = {
    Images: images.map((image) => templateRow(image, imageForm)),
    Containers: usage.containers.map((container) => templateRow(container, containerForm)),
    Volumes: usage.volumes.map((volume) => templateRow(volume, volumeList)),
    BuildCache: usage.buildCache.map((record) => templateRow(record, cacheForm)),
  };
  const source = format === 'json' ? '{{json .}}' : format;
  const template = inWords(() => compileTemplate(source), 'failed to parse template');
  return inWords(() => `${template.execute(all, { typeName: '*formatter.diskUsageContext' })}\n`);
}

interface UsedImage {
  readonly row: ImageRow;
  readonly usage: ImageUsage;
}

/** One row an image, with the first of its tags. */
function toUsedImage(usage: ImageUsage): UsedImage[] {
  const { image } = usage;
  if (image === undefined) return [];
  return toImageRows([image], { showDigests: false, needDigests: false })
    .slice(0, 1)
    .map((row) => ({ row, usage }));
}

function usedImageList(truncate: boolean, now: number): ListForm<UsedImage> {
  const { fields, typeName, quiet } = imageList({ truncate, digests: false, now });
  const ofRow = Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      { ...field, value: ({ row }: UsedImage) => field.value(row) },
    ]),
  );
  return {
    typeName,
    quiet,
    table:
      '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}',
    fields: {
      ...ofRow,
      SharedSize: { heading: 'SHARED SIZE', value: ({ usage }) => humanSize(usage.sharedSize) },
      UniqueSize: {
        heading: 'UNIQUE SIZE',
        value: ({ row, usage }) => humanSize(row.image.size - usage.sharedSize),
      },
    },
  };
}

function usedContainerList(truncate: boolean, now: number) {
  return {
    ...containerList({ truncate, size: true, now }),
    table: '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}',
  };
}

const volumeList: ListForm<VolumeUsage> = {
  typeName: '*formatter.volumeContext',
  quiet: '{{.Name}}',
  table: '{{.Name}}\t{{.Links}}\t{{.Size}}',
  fields: {
    Name: { heading: 'VOLUME NAME', value: ({ name }) => name },
    Driver: { heading: 'DRIVER', value: () => 'local' },
    Scope: { heading: 'SCOPE', value: () => 'local' },
    Links: { heading: 'LINKS', value: ({ links }) => String(links) },
    Size: { heading: 'SIZE', value: ({ size }) => humanSize(size) },
  },
};

function cacheList(truncate: boolean, now: number): ListForm<BuildCacheRecord> {
  const age = (at: bigint) => (at === 0n ? '' : `${humanDuration(sinceNanos(at, now))} ago`);
  return {
    typeName: '*formatter.buildCacheContext',
    quiet: '{{.ID}}',
    table: '{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}',
    fields: {
      ID: { heading: 'CACHE ID', value: ({ id }) => (truncate ? shortId(id) : id) },
      Parents: { heading: 'PARENTS', value: ({ parents }) => parents },
      CacheType: { heading: 'CACHE TYPE', value: ({ type }) => type },
      Description: { heading: 'DESCRIPTION', value: ({ description }) => description },
      Size: { heading: 'SIZE', value: ({ size }) => humanSize(size, 3) },
      CreatedAt: { heading: 'CREATED AT', value: ({ createdAt }) => goTime(createdAt) },
      CreatedSince: { heading: 'CREATED', value: ({ createdAt }) => age(createdAt) },
      LastUsedAt: { heading: 'LAST USED AT', value: ({ lastUsedAt }) => (lastUsedAt === 0n ? '' : goTime(lastUsedAt)) },
      LastUsedSince: { heading: 'LAST USED', value: ({ lastUsedAt }) => age(lastUsedAt) },
      UsageCount: { heading: 'USAGE', value: ({ usageCount }) => String(usageCount) },
      InUse: { heading: 'IN USE', value: ({ inUse }) => String(inUse) },
      Shared: { heading: 'SHARED', value: ({ shared }) => String(shared) },
    },
  };
}
