/** Interfaces of what runs that the rows do not tell of, at the start of a daemon. */
import { needsNamespace } from '../pods/sandbox.ts';
import type { EngineContext } from './context.ts';
import { DEFAULT_INTERFACE, hasOwnNetns, isOnDefault } from './network-mode.ts';
import type { NetworkOwner } from './network-owner.ts';

/** @param processes the process of each task that runs, by its id in CRI */
export function removeStrayInterfaces(
  { state, network, log }: Pick<EngineContext, 'state' | 'network' | 'log'>,
  processes: ReadonlyMap<string, number>,
): void {
  // Whoever shares a namespace has none of its own to look into.
  const containers = state.containers.list().flatMap((record) => {
    const pid = processes.get(record.criId);
    if (pid === undefined || record.spec.pod !== '' || !(isOnDefault(record) || hasOwnNetns(record))) return [];
    return [{ owner: record.id, netns: `/proc/${pid}/ns/net`, interfaces: interfacesOf(record) }];
  });
  const pods = state.pods.list().flatMap((pod) => {
    const pid = processes.get(pod.sandboxId);
    if (pid === undefined || !(isOnDefault(pod) || needsNamespace(pod))) return [];
    // On the networks of users its sandbox is on the node's network.
    const own = isOnDefault(pod) ? { netns: `/proc/${pid}/ns/net` } : {};
    return [{ owner: pod.id, interfaces: interfacesOf(pod), ...own }];
  });
  try {
    const strays = network.named.removeStrays([...containers, ...pods]);
    if (strays > 0) log.info({ interfaces: strays }, 'removed interfaces of a connect or disconnect that was cut off');
  } catch (err) {
    // They end with their containers, and are no reason to be without any.
    log.warn({ err }, 'cannot remove interfaces of a connect or disconnect that was cut off');
  }
}

function interfacesOf(owner: Pick<NetworkOwner, 'spec' | 'endpoints'>): string[] {
  const plugged = owner.endpoints.map((endpoint) => endpoint.interface);
  return isOnDefault(owner) ? [DEFAULT_INTERFACE, ...plugged] : plugged;
}
