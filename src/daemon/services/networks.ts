/** k3c.v1.Networks on the network engine. */
import type { NetworksDefinition } from '../../api/gen/k3c.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import type { ContainerEngine } from '../engine/containers/engine.ts';
import type { NetworkEngine } from '../engine/networks/networks.ts';
import { toFilters } from './filters.ts';

export function networksService(
  engine: NetworkEngine,
  containers: Pick<ContainerEngine, 'connect' | 'disconnect'>,
): Handlers<typeof NetworksDefinition> {
  return {
    create: async (request) => ({ id: (await engine.create(request)).id }),
    list: ({ filters }) =>
      Promise.resolve({
        networks: engine.list(toFilters(filters)).map(({ id, name, driver, internal, ipv6, labels, createdAt }) => ({
          id,
          name,
          driver,
          internal,
          ipv6,
          labels: { ...labels },
          createdAt,
        })),
      }),
    inspect: async ({ network }) => ({ document: Buffer.from(JSON.stringify(engine.inspect(network))) }),
    remove: async ({ network }) => ({ name: engine.remove(network) }),
    connect: async ({ network, container, ip, ip6, aliases }) => {
      await containers.connect(network, container, { ip, ip6, aliases });
      return {};
    },
    disconnect: async ({ network, container, force }) => {
      await containers.disconnect(network, container, force);
      return {};
    },
    prune: async ({ filters }) => ({ deleted: [...engine.prune(toFilters(filters))] }),
  };
}
