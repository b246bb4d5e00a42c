/** docker's inspect document of a container (moby, api/types/container, InspectResponse), with k3c's CRI ids beside it. */
import { join } from 'node:path';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { HealthReport } from '../../../state/health.ts';
import { isoTime } from '../iso-time.ts';
import { networkFiles } from '../network-files.ts';
import { argv } from '../summary.ts';
import { configOf } from './config.ts';
import { hostConfig } from './host-config.ts';
import { mountsOf } from './mounts.ts';
import { type NetworkInput, networkSettings, type PodNetwork } from './network.ts';
import { appArmorProfile } from './security.ts';
import { stateOf } from './state.ts';

export interface InspectInput {
  readonly record: ContainerRecord;
  readonly paths: { readonly containers: string; readonly volumes: string };
  readonly bridge: { readonly cidr: string; readonly gateway: string } | undefined;
  readonly snapshotter: string;
  /** Whether the host's cgroups are v2. */
  readonly unified: boolean;
  readonly pod: PodNetwork;
  readonly networks: NetworkInput['networks'];
  /** Where the layers of the root file system lie; null when there are none now. */
  readonly graph: Readonly<Record<string, string>> | null;
  /** Absent: it has no check, or was never started. */
  readonly health?: HealthReport | undefined;
  /** Of the pod that users made and it is in; absent or empty: it is in none. */
  readonly podName?: string;
  /** Whether the host has AppArmor. */
  readonly apparmor: boolean;
}

export function inspectDocument(input: InspectInput): Record<string, unknown> {
  const { record } = input;
  const [path = '', ...args] = argv(record);
  const files = networkFiles(join(input.paths.containers, record.spec.pod || record.id));
  return {
    Id: record.id,
    Created: isoTime(record.createdAt),
    Path: path,
    Args: args,
    State: stateOf(record, input.health),
    Image: record.imageId,
    ResolvConfPath: record.attempt >= 0 ? files.resolvConf : '',
    HostnamePath: record.attempt >= 0 ? files.hostname : '',
    HostsPath: record.attempt >= 0 ? files.hosts : '',
    LogPath: record.attempt >= 0 ? record.logPath : '',
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: input.snapshotter,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: input.apparmor ? appArmorProfile(record.spec) : '',
    ExecIDs: null,
    HostConfig: hostConfig(record, input.unified),
    GraphDriver: { Data: input.graph, Name: input.snapshotter },
    Mounts: mountsOf(record, input.paths.volumes),
    Config: configOf(record),
    NetworkSettings: networkSettings(input),
    K3c: {
      SandboxId: record.sandboxId,
      ContainerId: record.criId,
      Attempt: Math.max(record.attempt, 0),
      Pod: input.podName || record.name,
    },
  };
}
