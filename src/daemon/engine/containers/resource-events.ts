/** docker's events of what a container holds while it runs: its network and its volumes. To be told in the transaction of the change. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext } from './context.ts';
import { networkName } from './filters.ts';

/** docker's drivers of the networks that are always there. */
const DRIVERS: Readonly<Record<string, string>> = { none: 'null' };

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

function tellNetwork(context: EngineContext, record: ContainerRecord, action: 'connect' | 'disconnect'): void {
  const name = networkName(record);
  context.events.record({
    type: 'network',
    action,
    actor: name,
    attributes: { container: record.id, name, type: DRIVERS[name] ?? name },
  });
}
