/** How a network is called: name, id, or a unique prefix of an id. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { State } from '../../state/database.ts';
import type { NetworkRecord } from '../../state/networks.ts';
import { type PredefinedNetwork, predefinedNetworks } from '../network/predefined.ts';

/** docker's sentence for a network that is not there. */
export function noSuchNetwork(reference: string): K3cError {
  return new K3cError(Code.NOT_FOUND, `network ${reference} not found`, { reason: 'network-not-found' });
}

export type FoundNetwork =
  | { readonly kind: 'predefined'; readonly network: PredefinedNetwork }
  | { readonly kind: 'made'; readonly network: NetworkRecord };

/** docker's order: full id, name, prefix of an id. Throws NOT_FOUND, or INVALID_ARGUMENT where several ids start so. */
export function findNetwork(state: Pick<State, 'networks'>, reference: string): FoundNetwork {
  const always = predefinedNetworks();
  const exact =
    predefined(always.find(({ id }) => id === reference)) ??
    made(state.networks.byId(reference)) ??
    predefined(always.find(({ name }) => name === (reference === 'default' ? 'bridge' : reference))) ??
    made(state.networks.byName(reference));
  if (exact !== undefined) return exact;
  if (!/^[0-9a-f]{1,64}$/.test(reference)) throw noSuchNetwork(reference);
  const [first, second] = [
    ...always.flatMap((network) => (network.id.startsWith(reference) ? [predefined(network)] : [])),
    ...state.networks.byIdPrefix(reference).map(made),
  ];
  if (second !== undefined)
    throw new K3cError(
      Code.INVALID_ARGUMENT,
      `network ${reference} is ambiguous (2 matches found based on ID prefix)`,
      {
        reason: 'bad-input',
      },
    );
  if (first === undefined) throw noSuchNetwork(reference);
  return first;
}

function predefined(network: PredefinedNetwork | undefined): FoundNetwork | undefined {
  return network && { kind: 'predefined', network };
}

function made(network: NetworkRecord | undefined): FoundNetwork | undefined {
  return network && { kind: 'made', network };
}

/** Those that are always there come first. */
export function allNetworks(state: Pick<State, 'networks'>): FoundNetwork[] {
  return [
    ...predefinedNetworks().map((network) => ({ kind: 'predefined' as const, network })),
    ...state.networks.list().map((network) => ({ kind: 'made' as const, network })),
  ];
}
