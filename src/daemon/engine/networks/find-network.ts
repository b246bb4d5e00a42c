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
  const all = allNetworks(state);
  const named = (one: FoundNetwork) =>
    one.network.name === reference || (one.network.name === 'bridge' && reference === 'default');
  const exact = all.find(({ network }) => network.id === reference) ?? all.find(named);
  if (exact !== undefined) return exact;
  if (!/^[0-9a-f]+$/.test(reference)) throw noSuchNetwork(reference);
  const [first, second] = all.filter(({ network }) => network.id.startsWith(reference));
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

/** Those that are always there come first. */
export function allNetworks(state: Pick<State, 'networks'>): FoundNetwork[] {
  return [
    ...predefinedNetworks().map((network) => ({ kind: 'predefined' as const, network })),
    ...state.networks.list().map((network) => ({ kind: 'made' as const, network })),
  ];
}
