/** The networks that are always there, under docker's names. */
import { createHash } from 'node:crypto';

export interface PredefinedNetwork {
  readonly id: string;
  readonly name: 'bridge' | 'host' | 'none';
  /** docker's word: null is the driver of none. */
  readonly driver: 'bridge' | 'host' | 'null';
}

function predefined(name: PredefinedNetwork['name'], driver: PredefinedNetwork['driver']): PredefinedNetwork {
  // The same on every machine, so that what a script notes holds after a new installation too.
  return { id: createHash('sha256').update(`k3c network ${name}`).digest('hex'), name, driver };
}

/** In docker's order. */
export function predefinedNetworks(): readonly PredefinedNetwork[] {
  return [predefined('bridge', 'bridge'), predefined('host', 'host'), predefined('none', 'null')];
}

/** The id of the default network. */
export function defaultNetworkId(): string {
  return predefined('bridge', 'bridge').id;
}
