/** A container's place among those of its networks, from before its process starts until after its end. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext } from './context.ts';

/** On the default network. */
export function joinDefault(context: Pick<EngineContext, 'network'>, record: ContainerRecord, ip: string): void {
  const { members, bridge } = context.network;
  const { id: container, name, config } = record;
  members.join(bridge.id, {
    container,
    name,
    hostname: config.hostname,
    aliases: record.spec.network.aliases,
    ip,
    ipv6: '',
    mac: '',
  });
}
