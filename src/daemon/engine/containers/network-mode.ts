/** What a container's network mode means: in whose network namespace it runs, and on which networks it is. */
import type { NetworkOwner } from './network-owner.ts';

type Moded = Pick<NetworkOwner, 'spec' | 'endpoints'>;

/** The default network's interface, as containerd has it called by CNI. */
export const DEFAULT_INTERFACE = 'eth0';

/** Its pod has the default network's interface, for which containerd asks by CNI. */
export function isOnDefault({ spec }: Pick<NetworkOwner, 'spec'>): boolean {
  return spec.networkMode === 'default' && spec.network.leftDefault !== true;
}

/** It has a network namespace that the daemon makes, with interfaces on the networks of its endpoints. */
export function hasOwnNetns({ spec, endpoints }: Moded): boolean {
  if (['host', 'none'].includes(spec.networkMode) || donorOf(spec.networkMode) !== undefined) return false;
  return !isOnDefault({ spec }) && (endpoints.length > 0 || spec.networkMode === 'default');
}

/** The id of the container whose network namespace it shares. */
export function donorOf(mode: string): string | undefined {
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

/** docker's word for the mode. */
export function shownMode({ spec }: Pick<NetworkOwner, 'spec'>): string {
  return spec.networkMode === 'default' ? 'bridge' : spec.networkMode;
}

/** docker's names of the networks that it is on. */
export function networkNames(record: Moded): readonly string[] {
  const { networkMode } = record.spec;
  const first = isOnDefault(record) ? ['bridge'] : ['host', 'none'].includes(networkMode) ? [networkMode] : [];
  return [...first, ...record.endpoints.map(({ networkName }) => networkName)];
}
