/** `HostConfig` of docker's inspect document: what a container has of this host (moby, api/types/container, HostConfig). */
import type { ContainerRecord } from '../../../state/containers.ts';
import { MASKED_PATHS, READONLY_PATHS } from '../cri-config.ts';
import { networkName } from '../filters.ts';
import { portMap } from './ports.ts';
import { resourcesOf } from './resources.ts';

/** @param unified whether the host's cgroups are v2: there a container has a cgroup namespace of its own */
export function hostConfig(record: ContainerRecord, unified: boolean): Record<string, unknown> {
  const { spec } = record;
  const { security, isolation, network } = spec;
  return {
    Binds: bindsOf(record),
    ContainerIDFile: '',
    LogConfig: { Type: 'cri', Config: {} },
    NetworkMode: networkName(record),
    PortBindings: portMap(spec.ports, (port) => ({
      HostIp: port.hostIp,
      HostPort: port.hostPort === 0 ? '' : String(port.hostPort),
    })),
    RestartPolicy: { Name: spec.restart.name, MaximumRetryCount: spec.restart.maximumRetryCount },
    AutoRemove: spec.autoRemove,
    VolumeDriver: '',
    VolumesFrom: orNull(spec.volumesFrom),
    ConsoleSize: [spec.consoleHeight, spec.consoleWidth],
    ...(Object.keys(spec.annotations).length > 0 ? { Annotations: spec.annotations } : {}),
    CapAdd: orNull(security.capAdd),
    CapDrop: orNull(security.capDrop),
    CgroupnsMode: isolation.cgroupnsMode || (unified && !spec.privileged ? 'private' : 'host'),
    Dns: network.dns,
    DnsOptions: network.dnsOptions,
    DnsSearch: network.dnsSearch,
    ExtraHosts: orNull(network.extraHosts),
    GroupAdd: orNull(security.groupAdd),
    IpcMode: isolation.ipcMode || 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: spec.resources.oomScoreAdj,
    PidMode: isolation.pidMode,
    Privileged: spec.privileged,
    PublishAllPorts: network.publishAll,
    ReadonlyRootfs: spec.readOnly,
    SecurityOpt: orNull(security.securityOpt),
    ...tmpfsOf(record),
    UTSMode: isolation.utsMode,
    UsernsMode: isolation.usernsMode,
    ShmSize: spec.resources.shmSizeBytes || 64 << 20,
    ...(Object.keys(isolation.sysctls).length > 0 ? { Sysctls: isolation.sysctls } : {}),
    Runtime: security.runtime || 'runc',
    Isolation: '',
    ...resourcesOf(spec),
    MaskedPaths: spec.privileged ? null : MASKED_PATHS,
    ReadonlyPaths: spec.privileged ? null : READONLY_PATHS,
    ...(spec.init ? { Init: true } : {}),
  };
}

/** docker has null, and not an empty list, for what was not given. */
function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length > 0 ? list : null;
}

function bindsOf({ config }: ContainerRecord): readonly string[] | null {
  const binds = config.mounts
    .filter(({ type, anonymous }) => type !== 'tmpfs' && !anonymous)
    .map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ':ro' : ''}`);
  return orNull(binds);
}

function tmpfsOf({ config }: ContainerRecord): { Tmpfs?: Record<string, string> } {
  const mounts = config.mounts.filter(({ type }) => type === 'tmpfs');
  return mounts.length > 0 ? { Tmpfs: Object.fromEntries(mounts.map(({ target, source }) => [target, source])) } : {};
}
