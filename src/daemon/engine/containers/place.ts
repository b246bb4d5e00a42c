/** Where a container is to live: a sandbox of its own, made here, or that of the pod it was put in. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { PortSpec } from '../../state/spec.ts';
import { renewNames } from '../pods/names.ts';
import { ensurePod } from '../pods/sandbox.ts';
import { allOrFirstError } from './all-or-first-error.ts';
import type { EngineContext } from './context.ts';
import { sandboxConfig } from './cri-config.ts';
import { filesOf, type HostSide, prepareHost } from './host-side.ts';
import { cgroupParentOf } from './limits/check-isolation.ts';
import {
  type Connected,
  canPublish,
  connectNetworks,
  type Donor,
  type NetworkNamespace,
  plugIn,
} from './network-side.ts';
import { portsToPublish } from './ports.ts';
import { removeContainerOf, removeSandbox } from './sandboxes.ts';
import { clearAfterFailure } from './strays.ts';

export interface Place {
  readonly sandboxId: string;
  /** As CreateContainer is to be told of it. */
  readonly sandboxConfig: ReturnType<typeof sandboxConfig>;
  readonly host: HostSide;
  readonly network: NetworkNamespace;
  /** Whose sandbox it is; absent: the container's own. */
  readonly pod?: PodRecord;
  /** Published for this container alone. */
  readonly ports: readonly PortSpec[];
  /** The address, once there is a sandbox; goes beside CreateContainer. */
  readonly connect: () => Promise<Connected>;
  /** Says which container of CRI's is to go when the start fails, where the sandbox does not. */
  readonly created: (criId: string) => void;
}

interface OwnPlaceParts {
  readonly attempt: number;
  readonly donor: Donor | undefined;
  /** What takes back a start that fails. */
  readonly undo: (() => void)[];
}

/** A new sandbox. Host files and interfaces are made while CRI is at work on it. */
export async function ownPlace(
  context: EngineContext,
  record: ContainerRecord,
  { attempt, donor, undo }: OwnPlaceParts,
): Promise<Place> {
  const { id, spec, config } = record;
  const wanted = canPublish(context, record) ? portsToPublish(spec.ports, config, spec.network.publishAll) : [];
  const ports = wanted.length > 0 ? await context.network.reserve(id, `container ${record.name}`, wanted) : [];
  const sandbox = sandboxConfig({
    owner: record,
    attempt,
    ports,
    logDirectory: `${context.paths.logs}/${id}`,
    cgroupParent: cgroupParentOf(spec.isolation, context.cgroupParent),
    annotations: spec.annotations,
    privileged: spec.privileged,
  });
  const runSandbox = context.containerd.cri
    .runPodSandbox({ config: sandbox, runtimeHandler: spec.security.runtime }, { signal: context.abandon })
    .catch((error: unknown) => {
      undo.push(() => context.background.run(`clear away ${record.name}`, () => clearAfterFailure(context, id)));
      throw error;
    })
    .then(({ podSandboxId }) => {
      undo.push(() =>
        context.background.run(`remove the failed sandbox of ${record.name}`, () =>
          removeSandbox(context, podSandboxId),
        ),
      );
      return podSandboxId;
    });
  const [sandboxId, host, side] = await allOrFirstError([
    runSandbox,
    prepareHost(context, record, donor === undefined ? undefined : filesOf(context, donor.record)),
    (async () => plugIn(context, record, donor))(),
  ]);
  return {
    sandboxId,
    sandboxConfig: sandbox,
    host,
    network: side.namespace,
    ports,
    connect: () => connectNetworks(context, record, { sandboxId, host, side, ports }),
    created: () => undefined,
  };
}

/** The sandbox of its pod, made when there is none; it stays when the start fails. */
export async function placeInPod(
  context: EngineContext,
  record: ContainerRecord,
  undo: (() => void)[],
): Promise<Place> {
  const [{ pod, sandboxId, config, namespace }, host] = await allOrFirstError([
    ensurePod(context, record.spec.pod),
    prepareHost(context, record, filesOf(context, record)),
  ]);
  renewNames(context, pod.id);
  return {
    sandboxId,
    sandboxConfig: {
      ...config,
      // CRI reserves a container's name by the pod's uid, this name and its attempt: one that is just being removed, and had the name
      // of a new one, would have it refused.
      metadata: { ...config.metadata, uid: record.id },
      // CRI lets nobody be privileged in a sandbox that is not; the sandbox itself need not be.
      linux: {
        ...config.linux,
        securityContext: { ...config.linux?.securityContext, privileged: record.spec.privileged },
      },
    },
    host,
    network: namespace,
    pod,
    ports: [],
    connect: () => Promise.resolve({ ip: '', endpoints: [] }),
    created: (criId) =>
      undo.push(() =>
        context.background.run(`remove the failed container of ${record.name}`, () =>
          removeContainerOf(context, criId),
        ),
      ),
  };
}
