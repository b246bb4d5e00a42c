/** The smallest configuration under which containerd and buildkitd work beside others on one machine. */

interface Paths {
  readonly root: string;
  readonly state: string;
  readonly bin: string;
  readonly containerdSocket: string;
  readonly buildkitdSocket: string;
  readonly cniConfDir: string;
  readonly pauseImage: string;
}

/** containerd's config.toml. Nothing it names lies outside of root and state. */
export function containerdConfig(paths: Paths): string {
  return `version = 4
root = '${paths.root}/containerd'
state = '${paths.state}/containerd'
imports = []

[debug]
  level = 'info'

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '${paths.pauseImage}'

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_apparmor = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
  disable_pause_image_pull = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = '${paths.bin}/runc'
  Root = '${paths.state}/runc'
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['${paths.bin}/test']
  conf_dir = '${paths.cniConfDir}'
  use_internal_loopback = true

[plugins.'io.containerd.internal.v1.opt']
  path = '${paths.root}/opt'
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.server.v1.grpc']
  address = '${paths.containerdSocket}'
[plugins.'io.containerd.server.v1.ttrpc']
  address = '${paths.containerdSocket}.ttrpc'
[plugins.'io.containerd.shim.v1.manager']
  socket_dir = '${paths.state}/s'
`;
}

/** buildkitd.toml: the containerd worker in namespace k8s.io, build steps on the host's network. */
export function buildkitConfig(paths: Paths): string {
  return `root = '${paths.root}/buildkit'
insecure-entitlements = ['network.host', 'security.insecure']

[grpc]
  address = ['unix://${paths.buildkitdSocket}']
[otel]
  socketPath = '${paths.state}/otel.sock'
[worker.oci]
  enabled = false
[worker.containerd]
  enabled = true
  address = '${paths.containerdSocket}'
  namespace = 'k8s.io'
  snapshotter = 'overlayfs'
  networkMode = 'host'
  gc = false
[worker.containerd.runtime]
  name = 'io.containerd.runc.v2'
  options = { BinaryName = '${paths.bin}/runc', Root = '${paths.state}/runc' }
`;
}

/** A CNI network: a bridge and addresses of a subnet, with the leases under root. */
export function cniConfig(paths: Paths, bridge: { readonly name: string; readonly subnet: string }): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: bridge.name,
    plugins: [
      {
        type: 'bridge',
        bridge: bridge.name,
        isGateway: true,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: `${paths.state}/cni/leases`,
          ranges: [[{ subnet: bridge.subnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  });
}
