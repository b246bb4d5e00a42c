/** docker's inspect document of a container (moby, api/types/container, ContainerJSON), with k3c's CRI ids beside it. */
import { join } from 'node:path';
import type { ContainerRecord } from '../../state/containers.ts';
import type { PortSpec } from '../../state/spec.ts';
import { networkName } from './filters.ts';
import { networkFiles } from './network-files.ts';
import { argv, visibleState } from './summary.ts';
import { volumeData } from './volumes.ts';

export interface InspectInput {
  readonly record: ContainerRecord;
  readonly paths: { readonly containers: string; readonly volumes: string };
  readonly bridge: { readonly cidr: string; readonly gateway: string } | undefined;
  readonly snapshotter: string;
}

export function inspectDocument(input: InspectInput): Record<string, unknown> {
  const { record } = input;
  const { spec, config } = record;
  const [path = '', ...args] = argv(record);
  const files = networkFiles(join(input.paths.containers, record.id));
  return {
    Id: record.id,
    Created: isoTime(record.createdAt),
    Path: path,
    Args: args,
    State: stateOf(record),
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
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfig(record),
    GraphDriver: { Name: input.snapshotter, Data: null },
    Mounts: mountsOf(record, input.paths.volumes),
    Config: {
      Hostname: config.hostname,
      Domainname: '',
      User: config.user,
      AttachStdin: spec.stdinOnce,
      AttachStdout: false,
      AttachStderr: false,
      ...(config.exposedPorts.length > 0
        ? { ExposedPorts: Object.fromEntries(config.exposedPorts.map((port) => [port, {}])) }
        : {}),
      Tty: spec.tty,
      OpenStdin: spec.openStdin,
      StdinOnce: spec.stdinOnce,
      Env: config.env.filter((entry) => !/^(HOSTNAME|TERM)=/.test(entry) || spec.env.includes(entry)),
      Cmd: config.command.length > 0 ? config.command : null,
      Image: spec.image,
      Volumes: volumesOf(record),
      WorkingDir: config.workingDir === '/' && spec.workingDir === '' ? '' : config.workingDir,
      Entrypoint: config.entrypoint.length > 0 ? config.entrypoint : null,
      Labels: config.labels,
      ...(config.stopSignal === 'SIGTERM' ? {} : { StopSignal: config.stopSignal }),
      ...(spec.stopTimeout === null ? {} : { StopTimeout: spec.stopTimeout }),
    },
    NetworkSettings: networkSettings(input),
    K3c: {
      SandboxId: record.sandboxId,
      ContainerId: record.criId,
      Attempt: Math.max(record.attempt, 0),
      Pod: record.name,
    },
  };
}

/** Nanoseconds as RFC 3339 with what is not zero of the fraction; docker's zero time for never. */
export function isoTime(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0001-01-01T00:00:00Z';
  const seconds = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = String(nanoseconds % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

function stateOf(record: ContainerRecord): Record<string, unknown> {
  const state = visibleState(record);
  return {
    Status: state,
    Running: state === 'running' || state === 'restarting',
    Paused: false,
    Restarting: state === 'restarting',
    OOMKilled: record.oomKilled,
    Dead: false,
    Pid: state === 'running' ? record.pid : 0,
    ExitCode: record.exitCode,
    Error: record.error,
    StartedAt: isoTime(record.startedAt),
    FinishedAt: isoTime(record.finishedAt),
  };
}

function hostConfig(record: ContainerRecord): Record<string, unknown> {
  const { spec, config } = record;
  const binds = config.mounts
    .filter(({ type, anonymous }) => type !== 'tmpfs' && !anonymous)
    .map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ':ro' : ''}`);
  return {
    Binds: binds.length > 0 ? binds : null,
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
    VolumesFrom: null,
    ConsoleSize: [spec.consoleHeight, spec.consoleWidth],
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: '',
    Dns: [],
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: 'private',
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: spec.privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: spec.readOnly,
    SecurityOpt: null,
    UTSMode: '',
    UsernsMode: '',
    ShmSize: 64 << 20,
    Runtime: 'runc',
    Memory: spec.resources.memoryBytes,
    NanoCpus: spec.resources.nanoCpus,
    CpuShares: 0,
    CgroupParent: '',
    CpuPeriod: 0,
    CpuQuota: 0,
    CpusetCpus: '',
    CpusetMems: '',
    Devices: null,
    MemoryReservation: 0,
    MemorySwap: spec.resources.memoryBytes * 2,
    OomKillDisable: false,
    Init: spec.init,
    PidsLimit: null,
    Ulimits: null,
  };
}

function mountsOf(record: ContainerRecord, volumes: string): Record<string, unknown>[] {
  return record.config.mounts.map(({ type, source, target, readOnly, propagation, volume }) => ({
    Type: type,
    ...(volume === '' ? {} : { Name: volume }),
    Source: volume === '' ? (type === 'tmpfs' ? '' : source) : volumeData(volumes, volume),
    Destination: target,
    ...(volume === '' ? {} : { Driver: 'local' }),
    Mode: readOnly ? 'ro' : '',
    RW: !readOnly,
    Propagation: type === 'bind' ? propagation : '',
  }));
}

function volumesOf(record: ContainerRecord): Record<string, unknown> | null {
  const anonymous = record.config.mounts.filter((mount) => mount.anonymous);
  return anonymous.length > 0 ? Object.fromEntries(anonymous.map(({ target }) => [target, {}])) : null;
}

function networkSettings({ record, bridge }: InspectInput): Record<string, unknown> {
  const bridged = record.spec.networkMode === 'default' && record.ip !== '';
  const prefix = bridged ? Number(bridge?.cidr.split('/')[1] ?? 0) : 0;
  const endpoint = {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: '',
    NetworkID: networkName(record),
    EndpointID: record.sandboxId,
    Gateway: bridged ? (bridge?.gateway ?? '') : '',
    IPAddress: bridged ? record.ip : '',
    IPPrefixLen: prefix,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
  const published = portMap(record.ports, ({ hostIp, hostPort }) => ({
    HostIp: hostIp === '' ? '0.0.0.0' : hostIp,
    HostPort: String(hostPort),
  }));
  const exposed = visibleState(record) === 'running' ? record.config.exposedPorts : [];
  return {
    Bridge: '',
    SandboxID: record.sandboxId,
    SandboxKey: '',
    Ports: { ...Object.fromEntries(exposed.map((port) => [port, null])), ...published },
    Gateway: endpoint.Gateway,
    IPAddress: endpoint.IPAddress,
    IPPrefixLen: endpoint.IPPrefixLen,
    MacAddress: '',
    Networks: { [networkName(record)]: endpoint },
  };
}

function portMap<T>(ports: readonly PortSpec[], binding: (port: PortSpec) => T): Record<string, T[]> {
  const map: Record<string, T[]> = {};
  for (const port of ports) {
    const key = `${port.containerPort}/${port.protocol}`;
    map[key] = [...(map[key] ?? []), binding(port)];
  }
  return map;
}
