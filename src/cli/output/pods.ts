/** The rows and fields of `pod ls`: podman's names for what docker has not. */
import type { PodContainer, PodSummary } from '../../api/gen/k3c.ts';
import { labelFields } from './label-fields.ts';
import { displayPorts } from './ports.ts';
import type { ListForm } from './rows.ts';
import { shortId } from './shorten.ts';
import { goTime, humanDuration, sinceNanos } from './units.ts';

export interface PodListOptions {
  /** Whether ids are cut. */
  readonly truncate: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function podList({ truncate, now }: PodListOptions): ListForm<PodSummary> {
  const cut = (id: string) => (truncate ? shortId(id) : id);
  const each = (show: (container: PodContainer) => string) => (pod: PodSummary) => pod.containers.map(show).join(',');
  return {
    typeName: '*formatter.PodContext',
    quiet: '{{.ID}}',
    table: '{{.ID}}\t{{.Name}}\t{{.Status}}\t{{.Created}}\t{{.Containers}}\t{{.Ports}}',
    fields: {
      ID: { heading: 'POD ID', value: ({ id }) => cut(id) },
      Name: { heading: 'NAME', value: ({ name }) => name },
      State: { heading: 'STATE', value: ({ state }) => state },
      Status: { heading: 'STATUS', value: ({ state }) => `${state.slice(0, 1).toUpperCase()}${state.slice(1)}` },
      Created: { heading: 'CREATED', value: ({ createdAt }) => `${humanDuration(sinceNanos(createdAt, now))} ago` },
      CreatedAt: { heading: 'CREATED AT', value: ({ createdAt }) => goTime(createdAt) },
      Containers: { heading: 'CONTAINERS', value: each(({ name }) => name) },
      ContainerIDs: { heading: 'CONTAINER IDS', value: each(({ id }) => cut(id)) },
      ContainerStates: { heading: 'CONTAINER STATES', value: each(({ state }) => state) },
      NumberOfContainers: { heading: '# OF CONTAINERS', value: ({ containers }) => String(containers.length) },
      ...labelFields(),
      Networks: { heading: 'NETWORKS', value: ({ networks }) => networks.join(',') },
      IP: { heading: 'IP', value: ({ ip }) => ip },
      Ports: { heading: 'PORTS', value: ({ ports }) => displayPorts(ports, []) },
      SandboxID: { heading: 'SANDBOX ID', value: ({ sandboxId }) => cut(sandboxId) },
    },
  };
}
