/** The fields of a container in `ps`. */
import type { ContainerSummary } from '../../api/gen/k3c.ts';
import { displayPorts } from './ports.ts';
import type { ListForm } from './rows.ts';
import { ellipsis, goQuote, shortId } from './shorten.ts';
import { displayStatus } from './status.ts';
import { goTime, humanDuration, humanSize, sinceNanos } from './units.ts';

export interface ContainerListOptions {
  /** Whether ids and long texts are cut. */
  readonly truncate: boolean;
  /** Whether the table has a column of sizes. */
  readonly size: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** docker's form of a list of containers. */
export function containerList({ truncate, size, now }: ContainerListOptions): ListForm<ContainerSummary> {
  const labels = (map: Readonly<Record<string, string>>) =>
    Object.entries(map)
      .map(([key, value]) => `${key}=${value}`)
      .toSorted()
      .join(',');
  const cut = (text: string, width: number) => (truncate ? ellipsis(text, width) : text);
  return {
    typeName: '*formatter.ContainerContext',
    quiet: '{{.ID}}',
    table: `{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}${size ? '\t{{.Size}}' : ''}`,
    fields: {
      ID: { heading: 'CONTAINER ID', value: (c) => (truncate ? shortId(c.id) : c.id) },
      Names: { heading: 'NAMES', value: (c) => c.name },
      Image: { heading: 'IMAGE', value: (c) => displayImage(c, truncate) },
      Command: { heading: 'COMMAND', value: (c) => goQuote(cut(c.command, 20)) },
      CreatedAt: { heading: 'CREATED AT', value: (c) => goTime(c.createdAt) },
      RunningFor: { heading: 'CREATED', value: (c) => `${humanDuration(sinceNanos(c.createdAt, now))} ago` },
      Ports: { heading: 'PORTS', value: shownPorts },
      State: { heading: 'STATE', value: (c) => c.state },
      Status: { heading: 'STATUS', value: (c) => displayStatus(c, now) },
      Size: { heading: 'SIZE', value: displaySize },
      Labels: { heading: 'LABELS', value: (c) => labels(c.labels) },
      Label: {
        heading: (key) => String(key).split('.').at(-1)?.replace(/[-_]/g, ' ') ?? '',
        value: (c) => (key: unknown) => c.labels[String(key)] ?? '',
        method: true,
      },
      Mounts: {
        heading: 'MOUNTS',
        value: (c) => c.mounts.flatMap(({ source }) => (source === '' ? [] : cut(source, 15))).join(','),
      },
      LocalVolumes: {
        heading: 'LOCAL VOLUMES',
        value: (c) => String(c.mounts.filter((mount) => mount.type === 'volume').length),
      },
      Networks: { heading: 'NETWORKS', value: (c) => c.networks.join(',') },
      Pod: { heading: 'POD ID', value: (c) => (truncate ? shortId(c.podId) : c.podId) },
      PodName: { heading: 'POD NAME', value: (c) => c.pod },
      HealthStatus: { heading: 'HEALTH STATUS', value: (c) => c.health },
    },
  };
}

/** A container that does not run has no ports. */
function shownPorts(container: ContainerSummary): string {
  if (!['running', 'paused', 'restarting'].includes(container.state)) return '';
  return displayPorts(container.ports, container.exposedPorts);
}

/** The image as the user named it; an id, and a digest behind a name, are cut. */
function displayImage(container: ContainerSummary, truncate: boolean): string {
  if (container.image === '') return '<no image>';
  if (!truncate) return container.image;
  if (shortId(container.imageId) === shortId(container.image)) return shortId(container.image);
  return container.image.replace(/@sha256:[0-9a-f]{64}$/, '');
}

function displaySize(container: ContainerSummary): string {
  const own = humanSize(container.sizeRw, 3);
  return container.sizeRootFs > 0n ? `${own} (virtual ${humanSize(container.sizeRootFs, 3)})` : own;
}
