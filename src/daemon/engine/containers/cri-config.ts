/** A k3c container as CRI's messages. */
import {
  type ContainerConfig,
  MountPropagation,
  NamespaceMode,
  type PodSandboxConfig,
  Protocol,
  SecurityProfile_ProfileType,
} from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { PortSpec } from '../../state/spec.ts';
import { criResources } from './limits/oci-resources.ts';
import { isOnDefault } from './network-mode.ts';
import type { NetworkOwner } from './network-owner.ts';
import { cdiConfig } from './security/cdi.ts';
import { criSecurity, type PreparedSecurity, type SecurityHost } from './security/cri-security.ts';

type Init<M extends { fromPartial(partial: never): unknown }> = Parameters<M['fromPartial']>[0];
type SandboxInit = Init<typeof PodSandboxConfig>;
type ContainerInit = Init<typeof ContainerConfig>;

/** Every sandbox and container of ours carries these; the kubelet's view hides what has the first. */
export const LABEL_ID = 'k3c.io/id';
export const LABEL_NAME = 'k3c.io/name';
/** Of sandboxes of pods that users made: its name. */
export const LABEL_POD = 'k3c.io/pod';
/** The PID mode of a container that shares its pod's. */
export const SHARED_PID = 'pod';
/** The pod namespace that crictl shows. */
export const POD_NAMESPACE = 'k3c';
/** One log file for all attempts: `logs` shows what a container wrote before its restarts, as docker's does. */
export const LOG_FILE = 'container.log';

export interface SandboxInput {
  /** The container, or the pod that users made. */
  readonly owner: NetworkOwner;
  readonly attempt: number;
  readonly logDirectory: string;
  /** systemd: k3c.slice, else /k3c. */
  readonly cgroupParent: string;
  readonly ports: readonly PortSpec[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly privileged: boolean;
  /** Whether its containers share a PID namespace; absent: they do not. */
  readonly sharePid?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

function ownLabels({ id, name }: Pick<NetworkOwner, 'id' | 'name'>): Record<string, string> {
  return { [LABEL_ID]: id, [LABEL_NAME]: name };
}

/** What a kubelet writes on its pods: crictl and nerdctl take the names that they show from there. */
function podLabels({ id, name }: Pick<NetworkOwner, 'id' | 'name'>): Record<string, string> {
  return {
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': POD_NAMESPACE,
    'io.kubernetes.pod.uid': id,
  };
}

/** The pod of a container. Its ports are for whoever reads it (no plugin acts on them): the daemon publishes them. */
export function sandboxConfig(input: SandboxInput): SandboxInit {
  const { owner } = input;
  const bridged = isOnDefault(owner);
  return {
    metadata: { name: owner.name, uid: owner.id, namespace: POD_NAMESPACE, attempt: input.attempt },
    // A pod on the node's network has the node's UTS namespace: runc would refuse to set a hostname there.
    hostname: bridged ? owner.config.hostname : '',
    logDirectory: input.logDirectory,
    // Containers have a resolv.conf of our own. Without this CRI copies the host's, and fails on a host that has none.
    dnsConfig: {},
    portMappings: input.ports.map((port) => ({
      protocol: port.protocol === 'udp' ? Protocol.UDP : Protocol.TCP,
      containerPort: port.containerPort,
      hostPort: port.hostPort,
      hostIp: port.hostIp,
    })),
    labels: { ...ownLabels(owner), ...podLabels(owner), ...input.labels },
    annotations: { ...input.annotations },
    linux: {
      cgroupParent: input.cgroupParent,
      securityContext: {
        namespaceOptions: { ...namespaces(bridged, input.sharePid) },
        privileged: input.privileged,
        // Only our own pause runs in there, and it does nothing; runc needs a third of a sandbox's time to compile a filter.
        seccomp: { profileType: SecurityProfile_ProfileType.Unconfined },
      },
    },
  };
}

/** A file or directory of the host that appears in the container. */
export interface HostMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation: string;
  /** For SELinux, where the host has it. */
  readonly relabel?: boolean | undefined;
}

export interface ContainerInput {
  readonly record: ContainerRecord;
  /** The pod that it is put in; absent: its own. */
  readonly pod?: NetworkOwner | undefined;
  readonly attempt: number;
  readonly mounts: readonly HostMount[];
  readonly args: readonly string[];
  readonly security: PreparedSecurity;
  readonly host: SecurityHost;
}

/** The container of a pod. The arguments, environment and namespaces are completed by patchSpec. */
export function containerConfig(input: ContainerInput): ContainerInit {
  const { spec, config, id, name, imageId, imageRef } = input.record;
  const pod = input.pod ?? input.record;
  return {
    metadata: { name, attempt: input.attempt },
    image: { image: imageId, userSpecifiedImage: imageRef },
    command: [...input.args],
    workingDir: config.workingDir,
    labels: { ...ownLabels(input.record), ...podLabels(pod), 'io.kubernetes.container.name': name },
    annotations: { ...spec.annotations },
    // Below the pod's directory of logs: with several containers that is the one of all logs.
    logPath: input.pod === undefined ? LOG_FILE : `${id}/${LOG_FILE}`,
    stdin: spec.openStdin,
    // Ours is the stdin of the process (streams), CRI's own attach must never end it.
    stdinOnce: false,
    tty: spec.tty,
    devices: [...input.security.devices],
    ...cdiConfig(spec.security.cdiDevices, config.env),
    mounts: input.mounts.map((mount) => ({
      containerPath: mount.containerPath,
      hostPath: mount.hostPath,
      readonly: mount.readOnly,
      propagation: propagationOf(mount.propagation),
      selinuxRelabel: mount.relabel === true,
    })),
    linux: {
      resources: criResources(spec.resources),
      securityContext: {
        ...criSecurity(spec, input.security, input.host),
        namespaceOptions: { ...namespaces(isOnDefault(pod), spec.isolation.pidMode === SHARED_PID) },
        // Names, numbers and user:group all pass: CRI hands the string to containerd, which reads the image's passwd.
        runAsUsername: config.user,
        readonlyRootfs: spec.readOnly,
      },
    },
  };
}

/** A pid namespace of the container, unless a pod's is asked for: there the command is not PID 1 (facts/streams.md, section 4). */
function namespaces(bridged: boolean, sharePid = false) {
  return {
    network: bridged ? NamespaceMode.POD : NamespaceMode.NODE,
    pid: sharePid ? NamespaceMode.POD : NamespaceMode.CONTAINER,
    ipc: NamespaceMode.POD,
  };
}

function propagationOf(word: string): MountPropagation {
  if (word === 'rshared' || word === 'shared') return MountPropagation.PROPAGATION_BIDIRECTIONAL;
  if (word === 'rslave' || word === 'slave') return MountPropagation.PROPAGATION_HOST_TO_CONTAINER;
  return MountPropagation.PROPAGATION_PRIVATE;
}
