/** The fields `.Labels` and `.Label "key"` of volumes and networks. */
import type { ListForm } from './rows.ts';

interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
}

export function labelFields() {
  return {
    Labels: {
      heading: 'LABELS',
      value: ({ labels }) =>
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .toSorted()
          .join(','),
    },
    Label: {
      heading: (key) => String(key).split('.').at(-1)?.replace(/[-_]/g, ' ') ?? '',
      value:
        ({ labels }) =>
        (key: unknown) =>
          labels[String(key)] ?? '',
      method: true,
    },
  } satisfies ListForm<Labelled>['fields'];
}
