/** Interfaces of what runs that the rows do not tell of, at the start of a daemon. */
import type { EndpointSpec } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { isOnDefault } from './network-mode.ts';

/** @param processes the process of each task that runs, by its id in CRI */
export function removeStrayInterfaces(
  { state, network, log }: Pick<EngineContext, 'state' | 'network' | 'log'>,
  processes: ReadonlyMap<string, number>,
): void {
  const containers = state.containers.list().flatMap(({ id: owner, criId, endpoints }) => {
    const pid = processes.get(criId);
    return pid === undefined ? [] : [{ owner, netns: `/proc/${pid}/ns/net`, interfaces: namesOf(endpoints) }];
  });
  const pods = state.pods.list().flatMap((pod) => {
    const pid = processes.get(pod.sandboxId);
    if (pid === undefined) return [];
    const own = isOnDefault(pod) ? { netns: `/proc/${pid}/ns/net` } : {};
    return [{ owner: pod.id, interfaces: namesOf(pod.endpoints), ...own }];
  });
  const plugged = [...containers, ...pods].filter(({ interfaces }) => interfaces.length > 0);
  try {
    const strays = network.named.removeStrays(plugged);
    if (strays > 0) log.info({ interfaces: strays }, 'removed interfaces of a connect or disconnect that was cut off');
  } catch (err) {
    // They end with their containers, and are no reason to be without any.
    log.warn({ err }, 'cannot remove interfaces of a connect or disconnect that was cut off');
  }
}

function namesOf(endpoints: readonly EndpointSpec[]): string[] {
  return endpoints.map((endpoint) => endpoint.interface);
}
