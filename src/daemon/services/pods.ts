/** k3c.v1.Pods on the pod engine. */
import type { PodSummary, PodsDefinition } from '../../api/gen/k3c.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import { boundPorts } from '../engine/containers/ports.ts';
import type { ListedPod, PodEngine } from '../engine/pods/types.ts';
import { toFilters } from './filters.ts';
import { toPodSpec } from './spec/pod.ts';

export function podsService(engine: Omit<PodEngine, 'find'>): Handlers<typeof PodsDefinition> {
  return {
    create: async ({ name, spec }) => {
      const { id, warnings } = await engine.create(name, toPodSpec(spec));
      return { id, warnings: [...warnings] };
    },
    list: async ({ filters, all }) => ({ pods: engine.list({ all, filters: toFilters(filters) }).map(toSummary) }),
    inspect: async ({ pod }) => ({ document: Buffer.from(JSON.stringify(engine.inspect(pod))) }),
    start: async ({ pod }) => ({ name: (await engine.start(pod)).name }),
    stop: async ({ pod, timeout }) => ({ name: (await engine.stop(pod, { timeout })).name }),
    remove: async ({ pod, force }) => {
      const { name, containers } = await engine.remove(pod, { force });
      return { name, removedContainers: [...containers] };
    },
  };
}

function toSummary({ labels, ports, networks, containers, ...pod }: ListedPod): PodSummary {
  return {
    ...pod,
    labels: { ...labels },
    ports: boundPorts(ports).map((port) => ({ ...port, hostPortEnd: 0 })),
    networks: [...networks],
    containers: containers.map((container) => ({ ...container })),
  };
}
