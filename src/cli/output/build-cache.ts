/** The rows and fields of `builder du`, as buildx prints them. */
import type { BuildCacheRecord } from '../../api/gen/k3c.ts';
import { type ListForm, renderList } from './rows.ts';
import { goTime, humanDuration, humanSize, sinceNanos } from './units.ts';

export interface BuildCacheListOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Whether what is mutable, and what images share, has a star. */
  readonly marks: boolean;
}

export function buildCacheList({ now, marks }: BuildCacheListOptions): ListForm<BuildCacheRecord> {
  const star = (yes: boolean) => (marks && yes ? '*' : '');
  const age = (at: bigint) => (at === 0n ? '' : `${humanDuration(sinceNanos(at, now))} ago`);
  return {
    typeName: '*commands.diskusageContext',
    quiet: '{{.ID}}',
    table: '{{.ID}}\t{{.Reclaimable}}\t{{.Size}}\t{{.LastUsedAt}}',
    fields: {
      ID: { heading: 'ID', value: (record) => `${record.id}${star(record.mutable)}` },
      Parents: { heading: 'PARENTS', value: ({ parents }) => parents },
      CreatedAt: { heading: 'CREATED AT', value: ({ createdAt }) => goTime(createdAt) },
      Mutable: { heading: 'MUTABLE', value: ({ mutable }) => mutable },
      Reclaimable: { heading: 'RECLAIMABLE', value: ({ inUse }) => !inUse },
      Shared: { heading: 'SHARED', value: ({ shared }) => shared },
      Size: { heading: 'SIZE', value: ({ size, shared }) => `${humanSize(size)}${star(shared)}` },
      Description: { heading: 'DESCRIPTION', value: ({ description }) => description },
      UsageCount: { heading: 'USAGE COUNT', value: ({ usageCount }) => Number(usageCount) },
      LastUsedAt: { heading: 'LAST ACCESSED', value: ({ lastUsedAt }) => age(lastUsedAt) },
      Type: { heading: 'TYPE', value: ({ type }) => type },
    },
  };
}

const DETAILS = [
  'ID:           {{.ID}}',
  '{{- if .Parents }}\nParents:\n{{- range .Parents }}\n - {{.}}\n{{- end }}{{- end }}',
  'Created at:   {{.CreatedAt}}',
  'Mutable:      {{.Mutable}}',
  'Reclaimable:  {{.Reclaimable}}',
  'Shared:       {{.Shared}}',
  'Size:         {{.Size}}',
  '{{- if .Description}}\nDescription:  {{ .Description }}{{- end }}',
  'Usage count:  {{.UsageCount}}',
  '{{- if .LastUsedAt}}\nLast used:    {{ .LastUsedAt }}{{- end }}',
  '{{- if .Type}}\nType:         {{ .Type }}{{- end }}\n',
].join('\n');

/** All that is known, a paragraph a record. */
export function buildCacheDetails(records: readonly BuildCacheRecord[], form: ListForm<BuildCacheRecord>): string {
  return renderList(records, form, { format: DETAILS });
}

/** The totals below the table. What images share is in the total. */
export function buildCacheSummary(records: readonly BuildCacheRecord[]): string {
  const sum = (chosen: (record: BuildCacheRecord) => boolean) =>
    records.filter(chosen).reduce((total, { size }) => total + size, 0n);
  const total = sum(() => true);
  const shared = sum((record) => record.shared);
  const lines = [
    ...(shared > 0n ? [`Shared:\t\t${humanSize(shared)}`, `Private:\t${humanSize(total - shared)}`] : []),
    `Reclaimable:\t${humanSize(sum(({ inUse }) => !inUse))}`,
    `Total:\t\t${humanSize(total)}`,
  ];
  return `${lines.join('\n')}\n`;
}
