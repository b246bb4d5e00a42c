/** podman's `run --pod new:NAME`: a pod that is made for its first container, of what that one asks for and a pod decides. */
import { Code, K3cError } from '../../../api/errors.ts';
import { type ContainerSpec, NO_NETWORK, type PodSpec } from '../../state/spec.ts';
import type { EngineContext } from '../containers/context.ts';
import { type CreatedContainer, createContainer } from '../containers/create.ts';
import { createPod } from './create.ts';
import { removePod } from './remove.ts';

const NEW = 'new:';

/** A request for a pod, and the one for a container in it, which has nothing left to say of what the pod decides. */
export interface PartedRequest {
  readonly name: string;
  readonly pod: PodSpec;
  readonly container: ContainerSpec;
}

/**
 * Creates a container, and before it the pod that it asks for by new:NAME. Where the container cannot be made, the pod is gone
 * again. Throws what createPod and createContainer throw.
 */
export async function createWithPod(
  context: EngineContext,
  name: string,
  asked: ContainerSpec,
): Promise<CreatedContainer> {
  const parted = partRequest(asked);
  if (parted === undefined) return await createContainer(context, name, asked);
  // Nothing is told of a pod for an image that its user pulls first.
  await context.images.resolve(asked.image, undefined, asked.platform);
  const pod = createPod(context, parted.name, parted.pod);
  try {
    const created = await createContainer(context, name, { ...parted.container, pod: pod.id });
    return { ...created, warnings: [...pod.warnings, ...created.warnings] };
  } catch (error) {
    // Somebody else may have removed it, or put a container into it: neither is what is to be told.
    await removePod(context, pod.id, false).catch((err: unknown) =>
      context.log.warn({ err, pod: pod.id }, 'cannot take back the pod of a container that was refused'),
    );
    throw error;
  }
}

/** Undefined for one that asks for no new pod. INVALID_ARGUMENT for one without a name. */
export function partRequest(asked: ContainerSpec): PartedRequest | undefined {
  if (!asked.pod.startsWith(NEW)) return undefined;
  const name = asked.pod.slice(NEW.length);
  if (name === '')
    throw new K3cError(Code.INVALID_ARGUMENT, 'new pod name must be at least one character', { reason: 'bad-input' });
  const { hostname, ports, networkMode, network, isolation, resources } = asked;
  const { publishAll, exposedPorts, domainname, ...ofPod } = network;
  return {
    name,
    pod: {
      hostname,
      labels: {},
      ports,
      networkMode,
      network: { ...NO_NETWORK, ...ofPod },
      sysctls: isolation.sysctls,
      sharePid: false,
      cgroupParent: isolation.cgroupParent,
      annotations: {},
      shmSizeBytes: resources.shmSizeBytes,
    },
    container: {
      ...asked,
      hostname: '',
      ports: [],
      networkMode: 'default',
      network: { ...NO_NETWORK, publishAll, exposedPorts, domainname },
      isolation: { ...isolation, sysctls: {}, cgroupParent: '' },
      resources: { ...resources, shmSizeBytes: 0 },
    },
  };
}
