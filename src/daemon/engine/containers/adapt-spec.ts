/** A request as docker takes it: completed with its defaults, without what this host cannot do, and with a word about that. */
import { K3cError } from '../../../api/errors.ts';
import type { ContainerSpec, EndpointSpec } from '../../state/spec.ts';
import { findPod } from '../pods/find-pod.ts';
import { checkMember, memberIsolation, memberResources, podMode } from '../pods/member-spec.ts';
import type { EngineContext } from './context.ts';
import { checkNetwork } from './endpoints.ts';
import { findContainer } from './identity.ts';
import { checkIsolation } from './limits/check-isolation.ts';
import { checkNewResources } from './limits/check-resources.ts';
import { processors, readKernelLimits } from './limits/kernel-limits.ts';
import { checkProcessLimits, readProcessLimits } from './limits/process-limits.ts';
import { donorOf } from './network-mode.ts';

export interface AdaptedSpec {
  readonly spec: ContainerSpec;
  readonly endpoints: readonly EndpointSpec[];
  readonly warnings: readonly string[];
}

/** Throws INVALID_ARGUMENT in docker's words for limits and namespaces that cannot be right, NOT_FOUND (pod-not-found). */
export function adaptSpec(context: Pick<EngineContext, 'state' | 'cgroupParent'>, asked: ContainerSpec): AdaptedSpec {
  const pod = asked.pod === '' ? undefined : findPod(context.state.pods, asked.pod);
  if (pod !== undefined) checkMember(pod, asked);
  const network =
    pod === undefined
      ? checkNetwork(context.state, asked)
      : { networkMode: podMode(pod), network: asked.network, endpoints: [], warnings: [] };
  const donor = donorOf(network.networkMode);
  const networkMode = donor === undefined ? network.networkMode : `container:${idOf(context, donor) ?? donor}`;
  const kernel = readKernelLimits();
  const limits = checkNewResources(asked.resources, kernel, processors(asked.resources));
  if (asked.resources.oomScoreAdj !== 0 || asked.resources.ulimits.length > 0)
    checkProcessLimits(asked.resources, readProcessLimits());
  const isolated = checkIsolation(asked, {
    kernel,
    systemd: context.cgroupParent.endsWith('.slice'),
    idOf: (reference) => idOf(context, reference),
  });
  const discarded = asked.networkMode === 'host' && asked.ports.length > 0;
  return {
    spec: {
      ...asked,
      networkMode,
      network: network.network,
      resources: limits.resources,
      ...(pod === undefined
        ? { isolation: isolated.isolation }
        : {
            pod: pod.id,
            hostname: pod.config.hostname,
            isolation: memberIsolation(pod, isolated.isolation),
            resources: memberResources(pod, limits.resources),
          }),
    },
    endpoints: network.endpoints,
    warnings: [
      ...limits.warnings,
      ...network.warnings,
      ...(discarded ? ['Published ports are discarded when using host network mode'] : []),
      ...isolated.warnings,
    ],
  };
}

function idOf(context: Pick<EngineContext, 'state'>, reference: string): string | undefined {
  try {
    return findContainer(context.state.containers, reference).id;
  } catch (error) {
    if (!(error instanceof K3cError)) throw error;
    // A start will say that there is none, or that there are several; it may be made by then.
    return undefined;
  }
}
