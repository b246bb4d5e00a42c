/** The rows and fields of `images`: a row a tag, with digests where they are asked for. */
import type { ImageSummary } from '../../api/gen/k3c.ts';
import type { ListForm } from './rows.ts';
import { shortId } from './shorten.ts';
import { goTime, humanDuration, humanSize, sinceNanos } from './units.ts';

export interface ImageRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const NONE = '<none>';

/** An image's rows: each tag, with each digest of its repository; then repositories known by digest alone; else one nameless. */
export function toImageRows(
  images: readonly ImageSummary[],
  options: { readonly showDigests: boolean; readonly needDigests: boolean },
): ImageRow[] {
  return images.flatMap((image) => {
    const digests = new Map<string, string[]>();
    for (const text of image.digests) {
      const at = text.lastIndexOf('@');
      const repository = text.slice(0, at);
      digests.set(repository, [...(digests.get(repository) ?? []), text.slice(at + 1)]);
    }
    const rows: ImageRow[] = [];
    const named = new Set<string>();
    for (const text of image.tags) {
      const colon = text.lastIndexOf(':');
      const repository = text.slice(0, colon);
      named.add(repository);
      const own = options.needDigests ? (digests.get(repository) ?? []) : [];
      for (const digest of own.length === 0 ? [NONE] : own) {
        rows.push({ image, repository, tag: text.slice(colon + 1), digest });
      }
    }
    for (const [repository, own] of digests) {
      if (named.has(repository)) continue;
      for (const digest of options.showDigests ? own : own.slice(0, 1)) {
        rows.push({ image, repository, tag: NONE, digest: options.showDigests ? digest : '' });
      }
    }
    return rows.length > 0 ? rows : [{ image, repository: NONE, tag: NONE, digest: NONE }];
  });
}

export interface ImageListOptions {
  /** Whether ids are cut. */
  readonly truncate: boolean;
  /** Whether the table has a column of digests. */
  readonly digests: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** docker's form of a list of images. */
export function imageList({ truncate, digests, now }: ImageListOptions): ListForm<ImageRow> {
  const created = '{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}';
  return {
    typeName: '*formatter.imageContext',
    quiet: '{{.ID}}',
    table: `{{.Repository}}\t{{.Tag}}\t${digests ? '{{.Digest}}\t' : ''}{{.ID}}\t${created}\t{{.Size}}`,
    fields: {
      ID: { heading: 'IMAGE ID', value: ({ image }) => (truncate ? shortId(image.id) : image.id) },
      Repository: { heading: 'REPOSITORY', value: (row) => row.repository },
      Tag: { heading: 'TAG', value: (row) => row.tag },
      Digest: { heading: 'DIGEST', value: (row) => row.digest },
      CreatedSince: {
        heading: 'CREATED',
        value: ({ image }) => (image.createdAt === 0n ? '' : `${humanDuration(sinceNanos(image.createdAt, now))} ago`),
      },
      CreatedAt: { heading: 'CREATED AT', value: ({ image }) => goTime(image.createdAt) },
      Size: { heading: 'SIZE', value: ({ image }) => humanSize(image.size, 3) },
      Containers: {
        heading: 'CONTAINERS',
        value: ({ image }) => (image.containers < 0n ? 'N/A' : String(image.containers)),
      },
      SharedSize: { heading: 'SHARED SIZE', value: () => 'N/A' },
      UniqueSize: { heading: 'UNIQUE SIZE', value: () => 'N/A' },
    },
  };
}
