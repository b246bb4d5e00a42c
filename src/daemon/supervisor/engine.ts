/** The two children of the daemon: what each is started with, and when it counts as ready. */
import { mkdir } from 'node:fs/promises';
import { writeFileAtomic } from '../../host/files.ts';
import type { Log } from '../../host/log.ts';
import type { Buildkitd } from '../backends/buildkitd.ts';
import type { Containerd } from '../backends/containerd.ts';
import type { Paths } from '../paths.ts';
import { Supervised } from './child.ts';
import { childLog } from './log-line.ts';

/** How long a probe may take before it is tried anew: a fresh child answers in a millisecond or not at all. */
const PROBE_TIMEOUT_MS = 2000;

export interface EngineOptions {
  readonly paths: Paths;
  /** Directory of the engine's binaries; first in the children's PATH, so that no binary of the host is picked. */
  readonly bin: string;
  /** Wraps a command so that the kernel ends it when this process dies; see src/launcher. */
  readonly tied: (
    command: string,
    args: readonly string[],
  ) => { readonly command: string; readonly args: readonly string[] };
  readonly containerdConfig: string;
  /** Where the network plugin, which containerd starts, asks the daemon. */
  readonly pluginSocket: string;
  /** Asked before every start: what registries.yaml says may have changed. */
  readonly buildkitdConfig: () => string;
  readonly containerd: Containerd;
  readonly buildkitd: Buildkitd;
  /** Run before every start of containerd, the first included. */
  readonly beforeContainerd: () => Promise<void>;
  /** Run before every start of buildkitd, the first included; containerd may be away. */
  readonly beforeBuildkitd: () => Promise<void>;
  readonly onContainerdRecovered: () => Promise<void>;
  readonly log: Log;
}

export function superviseContainerd(options: EngineOptions): Supervised {
  const { paths, log } = options;
  return new Supervised({
    name: 'containerd',
    log,
    onLine: childLog(log, 'containerd'),
    prepare: async () => {
      await mkdir(paths.containerdRoot, { recursive: true, mode: 0o711 });
      await writeFileAtomic(paths.containerdConfig, options.containerdConfig, 0o600);
      await options.beforeContainerd();
      return {
        ...options.tied(`${options.bin}/containerd`, ['--config', paths.containerdConfig]),
        env: { ...childEnvironment(options.bin), K3C_CNI_SOCKET: options.pluginSocket },
      };
    },
    // The CRI runtime is the last plugin to come up; its own word for it is the condition RuntimeReady.
    probe: async (signal) => {
      const { status } = await options.containerd.cri.status(
        { verbose: false },
        { signal, timeoutMs: PROBE_TIMEOUT_MS },
      );
      const ready = status?.conditions.find((condition) => condition.type === 'RuntimeReady');
      if (ready?.status !== true) throw new Error(ready?.message ?? 'RuntimeReady is not reported');
    },
    onRecovered: options.onContainerdRecovered,
  });
}

export function superviseBuildkitd(options: EngineOptions): Supervised {
  const { paths, log } = options;
  return new Supervised({
    name: 'buildkitd',
    log,
    onLine: childLog(log, 'buildkitd'),
    prepare: async () => {
      await mkdir(paths.buildkitRoot, { recursive: true, mode: 0o711 });
      await writeFileAtomic(paths.buildkitConfig, options.buildkitdConfig(), 0o600);
      await options.beforeBuildkitd();
      return {
        ...options.tied(`${options.bin}/buildkitd`, ['--config', paths.buildkitConfig]),
        env: childEnvironment(options.bin),
      };
    },
    probe: async (signal) => {
      const { record } = await options.buildkitd.control.listWorkers({}, { signal, timeoutMs: PROBE_TIMEOUT_MS });
      if (record.length === 0) throw new Error('no worker is reported');
    },
  });
}

/** The daemon's environment without what is its own, the engine's directory first in PATH. Proxy settings pass through. */
function childEnvironment(bin: string): Record<string, string | undefined> {
  const env: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith('K3C_') && name !== 'NOTIFY_SOCKET') env[name] = value;
  }
  // The one that k3c-child takes off again: the open files that containers may have (src/launcher/child.c).
  const openFiles = process.env['K3C_OPEN_FILES'];
  if (openFiles !== undefined) env['K3C_OPEN_FILES'] = openFiles;
  env['PATH'] = `${bin}:${process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`;
  return env;
}
