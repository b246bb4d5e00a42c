/** docker's events of what a container holds while it runs: its network and its volumes. To be told in the transaction of the change. */
import type { ContainerRecord } from '../../state/containers.ts';
import { predefinedNetworks } from '../network/predefined.ts';
import type { EngineContext } from './context.ts';
import { networkNames } from './network-mode.ts';
import type { NetworkOwner } from './network-owner.ts';

/** Before a start. */
export function tellHeld(context: EngineContext, record: ContainerRecord): void {
  tellNetwork(context, record, 'connect');
  for (const { type, volume, target, readOnly, propagation } of record.config.mounts) {
    if (type !== 'volume') continue;
    tellVolume(context, volume, 'mount', {
      container: record.id,
      destination: target,
      propagation: propagation === 'rprivate' ? '' : propagation,
      'read/write': String(!readOnly),
    });
  }
}

/** After the end. */
export function tellReleased(context: EngineContext, record: ContainerRecord): void {
  tellNetwork(context, record, 'disconnect');
  for (const { type, volume } of record.config.mounts)
    if (type === 'volume') tellVolume(context, volume, 'unmount', { container: record.id });
}

/** @param action create, destroy, mount or unmount */
export function tellVolume(
  context: Pick<EngineContext, 'events'>,
  name: string,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  context.events.record({
    type: 'volume',
    action,
    actor: name,
    attributes: { driver: 'local', ...attributes },
  });
}

/** @param network absent: all that it is on */
export function tellNetwork(
  context: Pick<EngineContext, 'events'>,
  record: NetworkOwner,
  action: 'connect' | 'disconnect',
  network?: { readonly id: string; readonly name: string },
): void {
  for (const { id, name } of network === undefined ? networksOf(record) : [network]) {
    const type = predefinedNetworks().find((one) => one.id === id)?.driver ?? 'bridge';
    context.events.record({ type: 'network', action, actor: id, attributes: { container: record.id, name, type } });
  }
}

function networksOf(record: NetworkOwner): { readonly id: string; readonly name: string }[] {
  // The default network is among the endpoints when it was connected to later.
  const names = networkNames({ ...record, endpoints: [] });
  return [
    ...predefinedNetworks().filter(({ name }) => names.includes(name)),
    ...record.endpoints.map(({ network, networkName }) => ({ id: network, name: networkName })),
  ];
}
