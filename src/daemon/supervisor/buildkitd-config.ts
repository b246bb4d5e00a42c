/** buildkitd's own configuration file: the containerd worker in CRI's namespace, with a disk cap. */
import { NAMESPACE } from '../backends/containerd.ts';
import type { Paths } from '../paths.ts';
import { type TomlTable, toToml } from './toml.ts';

export interface BuildkitdSettings {
  readonly paths: Paths;
  readonly bin: string;
  /** Our runc, as it is to be called. */
  readonly runc: string;
  readonly snapshotter: string;
  /** Bytes that cache may keep. */
  readonly cacheBytes: number;
  readonly cgroupParent: string;
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  /** Registry tables as BuildKit has them, by host. */
  readonly registries: Readonly<Record<string, TomlTable>>;
  readonly debug: boolean;
}

/** Renders the file. */
export function buildkitdConfig(settings: BuildkitdSettings): string {
  const { paths } = settings;
  return toToml({
    root: paths.buildkitRoot,
    'insecure-entitlements': ['network.host', 'security.insecure'],
    log: { format: 'json', level: settings.debug ? 'debug' : 'info' },
    grpc: { address: [`unix://${paths.buildkitSocket}`], uid: 0, gid: 0 },
    otel: { socketPath: `${paths.state}/buildkit-otel.sock` },
    worker: {
      oci: { enabled: false },
      containerd: {
        enabled: true,
        address: paths.containerdSocket,
        namespace: NAMESPACE,
        snapshotter: settings.snapshotter,
        networkMode: 'host',
        defaultCgroupParent: settings.cgroupParent,
        gc: true,
        reservedSpace: Math.floor(settings.cacheBytes / 4),
        maxUsedSpace: settings.cacheBytes,
        runtime: {
          name: 'io.containerd.runc.v2',
          path: `${settings.bin}/containerd-shim-runc-v2`,
          options: {
            BinaryName: settings.runc,
            Root: `${paths.state}/runc`,
            SystemdCgroup: settings.cgroupDriver === 'systemd',
          },
        },
      },
    },
    ...(Object.keys(settings.registries).length === 0 ? {} : { registry: settings.registries }),
  });
}
