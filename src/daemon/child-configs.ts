/** What the children are started with: their configuration files, out of the daemon's own configuration and the host's facts. */
import { childHelperPath } from '../bundle/program.ts';
import type { Log } from '../host/log.ts';
import type { DaemonConfig } from './config.ts';
import { tenthOfDisk } from './directories.ts';
import type { LiveRegistries } from './engine/images/live-registries.ts';
import type { HostFacts } from './host-check.ts';
import { runtimesOfRoot } from './own-root.ts';
import type { Paths } from './paths.ts';
import { buildkitdConfig } from './supervisor/buildkitd-config.ts';
import { containerdConfig } from './supervisor/containerd-config.ts';
import type { EngineOptions } from './supervisor/engine.ts';

/** The name of the image that every sandbox runs; it comes out of the binary and is never pulled. */
export const PAUSE_IMAGE = 'k3c.internal/pause:1';

export interface ChildConfigInput {
  readonly config: DaemonConfig;
  readonly paths: Paths;
  /** Directory of the engine's binaries. */
  readonly bin: string;
  /** Where the default network is described for containerd. */
  readonly cniConfDir: string;
  readonly facts: HostFacts;
  readonly registries: LiveRegistries;
  /** Above the cgroups of build steps. */
  readonly cgroupParent: string;
  readonly log: Log;
}

/** The part of the supervisor's options that nothing but configuration decides. */
export async function childConfigs(
  input: ChildConfigInput,
): Promise<Pick<EngineOptions, 'paths' | 'bin' | 'tied' | 'containerdConfig' | 'buildkitdConfig'>> {
  const { config, paths, bin, facts, registries } = input;
  const runtimes = await runtimesOfRoot(paths.ownRoot, { runc: `${bin}/runc`, ...config.runtimes }, input.log);
  const cacheBytes = config.buildCacheBytes === 0 ? await tenthOfDisk(paths.root) : config.buildCacheBytes;
  const debug = config.logLevel === 'trace' || config.logLevel === 'debug';
  const { snapshotter } = facts;
  return {
    paths,
    bin,
    tied: (command, args) => ({ command: childHelperPath(), args: [String(process.pid), '9', command, ...args] }),
    containerdConfig: containerdConfig({
      paths,
      bin,
      cniConfDir: input.cniConfDir,
      snapshotter,
      pauseImage: PAUSE_IMAGE,
      cgroupDriver: facts.cgroupDriver,
      restrictOomScoreAdj: facts.restrictOomScoreAdj,
      apparmor: facts.apparmor,
      runtimes,
      cdiSpecDirs: config.cdiSpecDirs,
      logLevel: debug ? 'debug' : 'info',
    }),
    buildkitdConfig: () =>
      buildkitdConfig({
        paths,
        bin,
        runc: runtimes.runc,
        snapshotter,
        cacheBytes,
        cgroupParent: input.cgroupParent,
        cgroupDriver: facts.cgroupDriver,
        registries: registries.forBuildkitd(),
        debug,
      }),
  };
}
