/** What `pod create` asks for, out of its message. */
import type { PodSpec as PodMessage } from '../../../api/gen/k3c.ts';
import type { PodSpec } from '../../engine/pods/types.ts';
import { toPort } from './container.ts';
import { invalid } from './invalid.ts';
import { toNetwork } from './network.ts';

/** The others are names of networks. */
const NETWORK_MODES: Readonly<Record<string, string>> = { '': 'default', bridge: 'default' };

/** Checks what the message's types leave open. INVALID_ARGUMENT in words. */
export function toPodSpec(message: PodMessage | undefined): PodSpec {
  if (message === undefined) throw invalid('the request has no pod specification');
  const networkMode = NETWORK_MODES[message.networkMode] ?? message.networkMode;
  if (networkMode.startsWith('container:'))
    throw invalid(
      `a pod cannot use the network of ${networkMode}`,
      'a network is a name, bridge, host or none; containers share the network of their pod by run --pod',
    );
  return {
    hostname: message.hostname,
    labels: message.labels,
    ports: message.ports.map(toPort),
    networkMode,
    network: toNetwork(message.network),
    sysctls: message.sysctls,
    sharePid: message.sharePid,
    cgroupParent: message.cgroupParent,
    annotations: message.annotations,
    shmSizeBytes: Number(message.shmSizeBytes),
  };
}
