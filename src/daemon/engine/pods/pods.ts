/** The pod engine: pods that users made, each one sandbox with several containers. */
import type { EngineContext } from '../containers/context.ts';
import { createPod } from './create.ts';
import { inspectPod } from './document.ts';
import { findPod } from './find-pod.ts';
import { listPods } from './list.ts';
import { verbLock } from './locks.ts';
import { removePod } from './remove.ts';
import { startPod } from './start.ts';
import { stopPod } from './stop.ts';
import type { PodEngine } from './types.ts';

export type {
  CreatedPod,
  ListedPod,
  ListPodsOptions,
  PodEngine,
  PodMember,
  PodRecord,
  PodSpec,
  RemovedPod,
  StopPodOptions,
  VisiblePodState,
} from './types.ts';

/** Makes the engine on that of containers. What changes a pod is done one act after another. */
export function podEngine(context: EngineContext): PodEngine {
  const { state, locks } = context;
  const find = (reference: string) => findPod(state.pods, reference);
  const oneByOne = <T>(reference: string, act: (id: string) => Promise<T>): Promise<T> => {
    const { id } = find(reference);
    return locks.run(verbLock(id), () => act(id));
  };
  return {
    find,
    create: async (name, spec) => createPod(context, name, spec),
    list: (options) => listPods(state, options),
    inspect: (reference) => inspectPod(state, reference),
    start: async (reference) => oneByOne(reference, (id) => startPod(context, id)),
    stop: async (reference, options) => oneByOne(reference, (id) => stopPod(context, id, options)),
    remove: async (reference, { force }) => removePod(context, find(reference).id, force),
  };
}
