/** `HostConfig` of docker's inspect document: what a container has of this host (moby, api/types/container, HostConfig). */
import type { ContainerRecord } from '../../../state/containers.ts';
import type { PortSpec } from '../../../state/spec.ts';
import { DEFAULT_DRIVER } from '../log-options.ts';
import { shownMode } from '../network-mode.ts';
import { portMap } from './ports.ts';
import { resourcesOf } from './resources.ts';
import { securityOf } from './security.ts';

/** @param unified whether the host's cgroups are v2: there a container has a cgroup namespace of its own */
export function hostConfig(record: ContainerRecord, unified: boolean): Record<string, unknown> {
  const { spec } = record;
  const { isolation, network } = spec;
  return {
    Binds: bindsOf(record),
    ContainerIDFile: '',
    LogConfig: { Type: spec.log.driver || DEFAULT_DRIVER, Config: { ...spec.log.options } },
    NetworkMode: shownMode(record),
    PortBindings: portMap(spec.ports, (port) => ({
      HostIp: port.hostIp,
      HostPort: hostPorts(port),
    })),
    RestartPolicy: { Name: spec.restart.name, MaximumRetryCount: spec.restart.maximumRetryCount },
    AutoRemove: spec.autoRemove,
    VolumeDriver: '',
    VolumesFrom: orNull(spec.volumesFrom),
    ConsoleSize: [spec.consoleHeight, spec.consoleWidth],
    ...(Object.keys(spec.annotations).length > 0 ? { Annotations: spec.annotations } : {}),
    CgroupnsMode: isolation.cgroupnsMode || (unified && !spec.privileged ? 'private' : 'host'),
    Dns: network.dns,
    DnsOptions: network.dnsOptions,
    DnsSearch: network.dnsSearch,
    ExtraHosts: orNull(network.extraHosts),
    IpcMode: isolation.ipcMode || 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: spec.resources.oomScoreAdj,
    PidMode: isolation.pidMode,
    PublishAllPorts: network.publishAll,
    ReadonlyRootfs: spec.readOnly,
    ...tmpfsOf(record),
    UTSMode: isolation.utsMode,
    UsernsMode: isolation.usernsMode,
    ShmSize: spec.resources.shmSizeBytes || 64 << 20,
    ...(Object.keys(isolation.sysctls).length > 0 ? { Sysctls: isolation.sysctls } : {}),
    Isolation: '',
    ...resourcesOf(spec),
    ...securityOf(spec),
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

/** As it was asked for: nothing, a number, or a range of which any will do. */
function hostPorts({ hostPort, hostPortEnd = 0 }: PortSpec): string {
  if (hostPortEnd > hostPort) return `${hostPort}-${hostPortEnd}`;
  return hostPort === 0 ? '' : String(hostPort);
}
