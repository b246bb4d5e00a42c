/** Where everything of one daemon lies, from its root and state directories alone. */
import { join } from 'node:path';

export type Paths = ReturnType<typeof pathsOf>;

/** The layout under root (outlives a reboot) and state (does not). */
export function pathsOf(config: { readonly root: string; readonly state: string }) {
  const { root, state } = config;
  return {
    root,
    state,
    database: join(root, 'k3c.db'),
    volumes: join(root, 'volumes'),
    logs: join(root, 'logs'),
    containers: join(root, 'containers'),
    certs: join(root, 'certs.d'),
    containerdRoot: join(root, 'containerd'),
    containerdState: join(state, 'containerd'),
    containerdSocket: join(state, 'containerd.sock'),
    socketDirectory: join(state, 's'),
    containerdConfig: join(state, 'containerd.toml'),
    buildkitRoot: join(root, 'buildkit'),
    buildkitSocket: join(state, 'buildkitd.sock'),
    buildkitConfig: join(state, 'buildkitd.toml'),
    fifos: join(state, 'io'),
    ownRoot: join(state, 'own-root'),
    kubelet: join(state, 'kubelet.sock'),
  };
}
