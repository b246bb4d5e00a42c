/** The document beside that of docker.io 20.10 (API 1.41) for an equal container: every key, with a value of the same type. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NO_RESOURCES } from '../../../state/spec.ts';
import { sampleRecord, sampleSpec } from '../samples.ts';
import { inspectDocument } from './document.ts';

/** Keys by the type of their value, as `docker run -d -p 80 --expose 443 -v data:/d --tmpfs /t -l a=b -m 64m busybox sleep 9` has them. */
const DOCKER: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': {
    string:
      'Id Created Path Image ResolvConfPath HostnamePath HostsPath LogPath Name Driver Platform MountLabel ProcessLabel AppArmorProfile',
    array: 'Args Mounts',
    object: 'State HostConfig GraphDriver Config NetworkSettings',
    number: 'RestartCount',
    null: 'ExecIDs',
  },
  State: {
    string: 'Status Error StartedAt FinishedAt',
    boolean: 'Running Paused Restarting OOMKilled Dead',
    number: 'Pid ExitCode',
  },
  HostConfig: {
    array:
      'Binds Dns DnsOptions DnsSearch ConsoleSize BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps Devices Ulimits MaskedPaths ReadonlyPaths',
    string:
      'ContainerIDFile NetworkMode VolumeDriver CgroupnsMode IpcMode Cgroup PidMode UTSMode UsernsMode Runtime Isolation CgroupParent CpusetCpus CpusetMems',
    object: 'LogConfig PortBindings RestartPolicy Tmpfs',
    boolean: 'AutoRemove Privileged PublishAllPorts ReadonlyRootfs OomKillDisable',
    null: 'VolumesFrom CapAdd CapDrop ExtraHosts GroupAdd Links SecurityOpt DeviceCgroupRules DeviceRequests MemorySwappiness PidsLimit',
    number:
      'OomScoreAdj ShmSize CpuShares Memory NanoCpus BlkioWeight CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime KernelMemory KernelMemoryTCP MemoryReservation MemorySwap CpuCount CpuPercent IOMaximumIOps IOMaximumBandwidth',
  },
  GraphDriver: {
    object: 'Data',
    string: 'Name',
  },
  Config: {
    string: 'Hostname Domainname User Image WorkingDir',
    boolean: 'AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce',
    object: 'ExposedPorts Labels',
    array: 'Env Cmd',
    null: 'Volumes Entrypoint OnBuild',
  },
  NetworkSettings: {
    string:
      'Bridge SandboxID LinkLocalIPv6Address SandboxKey EndpointID Gateway GlobalIPv6Address IPAddress IPv6Gateway MacAddress',
    boolean: 'HairpinMode',
    number: 'LinkLocalIPv6PrefixLen GlobalIPv6PrefixLen IPPrefixLen',
    object: 'Ports Networks',
    null: 'SecondaryIPAddresses SecondaryIPv6Addresses',
  },
  'NetworkSettings.Networks.bridge': {
    null: 'IPAMConfig Links Aliases DriverOpts',
    string: 'NetworkID EndpointID Gateway IPAddress IPv6Gateway GlobalIPv6Address MacAddress',
    number: 'IPPrefixLen GlobalIPv6PrefixLen',
  },
};

function typeOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

describe('every key of docker’s document is there, with its type', () => {
  const base = sampleRecord();
  const mount = { readOnly: false, propagation: '', anonymous: false };
  const document = inspectDocument({
    apparmor: false,
    record: sampleRecord({
      state: 'running',
      ip: '10.9.0.2',
      spec: sampleSpec({ resources: { ...NO_RESOURCES, memoryBytes: 64 << 20 } }),
      config: {
        ...base.config,
        command: ['sleep', '9'],
        labels: { a: 'b' },
        exposedPorts: ['443/tcp', '80/tcp'],
        mounts: [
          { ...mount, type: 'volume', source: 'data', target: '/d', volume: 'data' },
          { ...mount, type: 'tmpfs', source: '', target: '/t', volume: '' },
        ],
      },
    }),
    paths: { containers: '/c', volumes: '/v' },
    bridge: { cidr: '10.9.0.0/16', gateway: '10.9.0.1' },
    snapshotter: 'overlayfs',
    unified: false,
    networks: () => undefined,
    pod: { netns: '/n', mac: '02:42:0a:09:00:02' },
    graph: {},
  });
  for (const [path, types] of Object.entries(DOCKER)) {
    test(path === '' ? 'the document' : path, () => {
      const object = path
        .split('.')
        .filter((key) => key !== '')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document) as Record<string, unknown>;
      for (const [type, keys] of Object.entries(types)) {
        for (const key of keys.split(' ')) assert.equal(`${key} ${typeOf(object[key])}`, `${key} ${type}`);
      }
    });
  }
});
