/** The rows and fields of `history`. */
import type { HistoryEntry } from '../../api/gen/k3c.ts';
import type { ListForm } from './rows.ts';
import { ellipsis, shortId } from './shorten.ts';
import { humanDuration, humanSize, rfc3339Seconds, sinceNanos } from './units.ts';

export interface HistoryListOptions {
  /** Whether ids and commands are cut. */
  readonly truncate: boolean;
  /** Whether sizes and times are for people. */
  readonly human: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Older times are made up by builders that want the same image each time; docker does not show them as ages. */
const EPOCH = BigInt(Date.UTC(2000, 0, 1)) * 1_000_000n;

/** docker's form of an image's history. */
export function historyList({ truncate, human, now }: HistoryListOptions): ListForm<HistoryEntry> {
  const since = ({ createdAt }: HistoryEntry) => {
    if (!human) return rfc3339Seconds(createdAt);
    return createdAt <= EPOCH ? 'N/A' : `${humanDuration(sinceNanos(createdAt, now))} ago`;
  };
  const id = (entry: HistoryEntry) => (entry.id === '' ? '<missing>' : truncate ? shortId(entry.id) : entry.id);
  const command = ({ createdBy }: HistoryEntry) => {
    const text = createdBy.replaceAll('\t', ' ');
    return truncate ? ellipsis(text, 45) : text;
  };
  return {
    typeName: '*image.historyContext',
    quiet: '{{.ID}}',
    table: `{{.ID}}\t{{.${human ? 'CreatedSince' : 'CreatedAt'}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`,
    fields: {
      ID: { heading: 'IMAGE', value: id },
      CreatedSince: { heading: 'CREATED', value: since },
      CreatedAt: { heading: 'CREATED AT', value: ({ createdAt }) => rfc3339Seconds(createdAt) },
      CreatedBy: { heading: 'CREATED BY', value: command },
      Size: { heading: 'SIZE', value: ({ size }) => (human ? humanSize(size, 3) : String(size)) },
      Comment: { heading: 'COMMENT', value: (entry) => entry.comment },
    },
  };
}
