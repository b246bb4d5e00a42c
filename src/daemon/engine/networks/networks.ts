/** The network engine: docker's network verbs. What containers do with networks is in ../containers. */
import { randomBytes } from 'node:crypto';
import { Code, K3cError } from '../../../api/errors.ts';
import type { State } from '../../state/database.ts';
import type { NetworkConfig, NetworkRecord } from '../../state/networks.ts';
import type { EventBus } from '../events/bus.ts';
import type { HostNetwork } from '../network/host-network.ts';
import type { NetworkDefinition } from '../network/network-definition.ts';
import { networkContainers } from '../pods/network-containers.ts';
import { checkNewNetwork, mtuOf, type NewNetwork } from './check-network.ts';
import { type NetworkFacts, networkDocument } from './document.ts';
import { type FilteredNetwork, networkMatcher, pruneMatcher } from './filters.ts';
import { allNetworks, type FoundNetwork, findNetwork } from './find-network.ts';
import { type SubnetHost, settleIpv4, settleIpv6 } from './settle-subnets.ts';

export interface NetworkEngineParts {
  readonly state: Pick<State, 'networks' | 'containers' | 'pods' | 'transaction'>;
  readonly host: Pick<HostNetwork, 'addNetwork' | 'removeNetwork' | 'members'> & SubnetHost;
  readonly events: Pick<EventBus, 'record'>;
}

export interface ListedNetwork extends FilteredNetwork {
  readonly internal: boolean;
  readonly ipv6: boolean;
}

export type NetworkEngine = ReturnType<typeof networkEngine>;

/** The networks that were recorded, for whoever makes their bridges. */
export function networkDefinitions(state: Pick<State, 'networks'>): NetworkDefinition[] {
  return state.networks.list().map(definitionOf);
}

function definitionOf({ id, name, bridge, config }: NetworkRecord): NetworkDefinition {
  const { subnet, gateway, ipRange, internal, options, ipv6 } = config;
  const mtu = mtuOf(options);
  return { id, name, bridge, subnet, gateway, ipRange, internal, mtu, ...(ipv6 === undefined ? {} : { ipv6 }) };
}

/** Of a network whose bridge could not be made. */
function placeOf({ bridge, config }: NetworkRecord): NetworkFacts['place'] {
  const { subnet: cidr, gateway, ipv6 } = config;
  return { bridge, cidr, gateway, ...(ipv6 && { ipv6: { cidr: ipv6.subnet, gateway: ipv6.gateway } }) };
}

/** Makes the engine. It holds no resource of its own. */
export function networkEngine({ state, host, events }: NetworkEngineParts) {
  // docker makes its own anew at each start.
  const begun = BigInt(Date.now()) * 1_000_000n;
  const tell = (action: string, { id, name }: { readonly id: string; readonly name: string }) =>
    events.record({ type: 'network', action, actor: id, attributes: { name, type: 'bridge' } });

  const listed = ({ kind, network }: FoundNetwork): ListedNetwork => ({
    id: network.id,
    name: network.name,
    driver: kind === 'predefined' ? network.driver : 'bridge',
    labels: kind === 'predefined' ? {} : network.labels,
    createdAt: kind === 'predefined' ? begun : network.createdAt,
    internal: kind === 'made' && network.config.internal,
    ipv6: kind === 'made' && network.config.ipv6 !== undefined,
    predefined: kind === 'predefined',
    used: host.members.members(network.id).length > 0,
  });

  const removeMade = (network: NetworkRecord): void => {
    const members = host.members.members(network.id);
    if (members.length > 0)
      throw new K3cError(
        Code.FAILED_PRECONDITION,
        `error while removing network: network ${network.name} has active endpoints (${members
          .map(({ name, container }) => `name:"${name}" id:"${container.slice(0, 12)}"`)
          .join(', ')})`,
        { reason: 'network-in-use', hint: 'stop these containers, or disconnect them, first' },
      );
    host.removeNetwork(network.id);
    state.transaction(() => {
      state.networks.delete(network.id);
      tell('destroy', network);
    });
  };

  const settle = (wanted: NewNetwork): NetworkConfig => {
    const { internal, options } = wanted;
    const ipv6 = settleIpv6(host, wanted);
    return { ...settleIpv4(host, wanted), internal, options, ...(ipv6 === undefined ? {} : { ipv6 }) };
  };

  return {
    /** Its bridge is there when this returns. Throws INVALID_ARGUMENT, ALREADY_EXISTS and FAILED_PRECONDITION in docker's words. */
    async create(wanted: NewNetwork): Promise<NetworkRecord> {
      checkNewNetwork(wanted);
      if (state.networks.byName(wanted.name) !== undefined)
        throw new K3cError(Code.ALREADY_EXISTS, `network with name ${wanted.name} already exists`, {
          reason: 'name-in-use',
        });
      const id = randomBytes(32).toString('hex');
      const record: NetworkRecord = {
        id,
        name: wanted.name,
        // As long as the name of an interface can be.
        bridge: `k3c-${id.slice(0, 11)}`,
        config: settle(wanted),
        labels: wanted.labels,
        createdAt: BigInt(Date.now()) * 1_000_000n,
      };
      state.transaction(() => {
        state.networks.insert(record);
        tell('create', record);
      });
      try {
        await host.addNetwork(definitionOf(record));
      } catch (error) {
        state.transaction(() => {
          state.networks.delete(id);
          tell('destroy', record);
        });
        throw error;
      }
      return record;
    },

    /** Throws INVALID_ARGUMENT for a bad filter. */
    list(filters: Readonly<Record<string, readonly string[]>>): readonly ListedNetwork[] {
      return allNetworks(state).map(listed).filter(networkMatcher(filters));
    },

    /** docker's document. Throws NOT_FOUND (network-not-found). */
    inspect(reference: string): Record<string, unknown> {
      const found = findNetwork(state, reference);
      const { id, name, driver, createdAt, labels, internal, ipv6 } = listed(found);
      const config = found.kind === 'made' ? found.network.config : undefined;
      return networkDocument({
        id,
        name,
        driver,
        createdAt,
        labels,
        internal,
        options: config?.options ?? {},
        ipv6,
        ipRange: config?.ipRange ?? '',
        ipRange6: config?.ipv6?.ipRange ?? '',
        place:
          host.members.network(id) ??
          (config === undefined || found.kind === 'predefined' ? undefined : placeOf(found.network)),
        members: networkContainers(state, host.members.members(id)),
      });
    },

    /** Returns its name. FAILED_PRECONDITION (network-in-use) while a running container is on it. */
    remove(reference: string): string {
      const found = findNetwork(state, reference);
      if (found.kind === 'predefined')
        throw new K3cError(
          Code.FAILED_PRECONDITION,
          `${found.network.name} is a pre-defined network and cannot be removed`,
        );
      removeMade(found.network);
      return found.network.name;
    },

    /** Removes all that no running container is on; returns their names. Throws INVALID_ARGUMENT for a bad filter. */
    prune(filters: Readonly<Record<string, readonly string[]>>): readonly string[] {
      const matches = pruneMatcher(filters);
      const unused = allNetworks(state).filter((found) => {
        const network = listed(found);
        return !network.predefined && !network.used && matches(network);
      });
      return unused.flatMap((found) => {
        if (found.kind === 'predefined') return [];
        removeMade(found.network);
        return [found.network.name];
      });
    },
  };
}
