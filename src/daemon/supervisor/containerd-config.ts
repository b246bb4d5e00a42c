/** containerd's own configuration file (config version 4, containerd 2.4). */
import type { Paths } from '../paths.ts';
import { type TomlTable, toToml } from './toml.ts';

export interface ContainerdSettings {
  readonly paths: Paths;
  /** Where the engine's binaries are. */
  readonly bin: string;
  /** Where the default network is described. */
  readonly cniConfDir: string;
  readonly snapshotter: string;
  readonly pauseImage: string;
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  /** The daemon lacks CAP_SYS_RESOURCE: sandboxes could not lower their oom_score_adj. */
  readonly restrictOomScoreAdj: boolean;
  readonly apparmor: boolean;
  /** OCI runtimes by the names of their CRI handlers: ours, `runc`, and those of the configuration. */
  readonly runtimes: Readonly<Record<string, string>>;
  readonly cdiSpecDirs: readonly string[];
  readonly logLevel: string;
}

/** Renders the file. Everything that could reach outside root and state is turned off or moved inside. */
export function containerdConfig(settings: ContainerdSettings): string {
  const { paths } = settings;
  return toToml({
    version: 4,
    root: paths.containerdRoot,
    state: paths.containerdState,
    imports: [],
    disabled_plugins: [
      'io.containerd.nri.v1.nri',
      'io.containerd.snapshotter.v1.blockfile',
      'io.containerd.snapshotter.v1.erofs',
      'io.containerd.differ.v1.erofs',
      'io.containerd.mount-handler.v1.erofs',
      'io.containerd.monitor.container.v1.restart',
      'io.containerd.image-verifier.v1.bindir',
      'io.containerd.tracing.processor.v1.otlp',
      'io.containerd.internal.v1.tracing',
    ],
    debug: { level: settings.logLevel, format: 'json' },
    plugins: {
      'io.containerd.server.v1.grpc': {
        address: paths.containerdSocket,
        max_recv_message_size: 64 << 20,
        max_send_message_size: 64 << 20,
      },
      'io.containerd.server.v1.ttrpc': { address: `${paths.containerdSocket}.ttrpc` },
      'io.containerd.shim.v1.manager': { socket_dir: paths.socketDirectory },
      'io.containerd.internal.v1.opt': { path: `${paths.root}/opt` },
      'io.containerd.cri.v1.images': {
        snapshotter: settings.snapshotter,
        pinned_images: { sandbox: settings.pauseImage },
        registry: { config_path: paths.certs },
      },
      'io.containerd.transfer.v1.local': {
        config_path: paths.certs,
        max_concurrent_downloads: 4,
        max_concurrent_unpacks: 2,
        // Its default names overlayfs: what is pulled must be unpacked where CRI looks.
        unpack_config: [{ platform: 'linux/amd64', snapshotter: settings.snapshotter }],
      },
      'io.containerd.cri.v1.runtime': {
        restrict_oom_score_adj: settings.restrictOomScoreAdj,
        disable_apparmor: !settings.apparmor,
        netns_mounts_under_state_dir: true,
        cdi_spec_dirs: settings.cdiSpecDirs,
        // Its default is a second, at which 300 idle containers keep a core busy. The kubelet asks every ten.
        stats_collect_period: '10s',
        cni: { bin_dirs: [settings.bin], conf_dir: settings.cniConfDir, use_internal_loopback: true },
        containerd: {
          default_runtime_name: 'runc',
          runtimes: Object.fromEntries(
            Object.entries(settings.runtimes).map(([name, path]) => [
              name,
              // What two programs keep of their containers is not the same.
              runtime(settings, path, name === 'runc' ? `${paths.state}/runc` : `${paths.state}/runtimes/${name}`),
            ]),
          ),
        },
      },
    },
  });
}

/** A handler of CRI: our shim, and a program with runc's command line. */
function runtime(settings: ContainerdSettings, path: string, root: string): TomlTable {
  return {
    runtime_type: 'io.containerd.runc.v2',
    runtime_path: `${settings.bin}/containerd-shim-runc-v2`,
    sandboxer: 'podsandbox',
    options: {
      BinaryName: path,
      // Its default, /run/containerd/runc, is shared with every other containerd of the host.
      Root: root,
      SystemdCgroup: settings.cgroupDriver === 'systemd',
    },
  };
}
