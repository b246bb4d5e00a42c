/** What the System service reports, gathered from the parts that know it. */
import { gitCommit, version } from '../api/version.ts';
import { engineParts } from '../bundle/assets.ts';
import type { DaemonConfig } from './config.ts';
import type { ContainerEngine } from './engine/containers/engine.ts';
import type { ImageEngine } from './engine/images/images.ts';
import type { HostFacts } from './host-check.ts';
import type { SystemFacts } from './services/system.ts';
import type { Supervised } from './supervisor/child.ts';

export function systemFacts(
  config: DaemonConfig,
  facts: HostFacts,
  bridge: SystemFacts['bridge'],
  containers: ContainerEngine,
  images: ImageEngine,
  children: readonly Supervised[],
): SystemFacts {
  const parts = Object.entries(engineParts()).map(([name, part]) => ({ name, version: part.version }));
  return {
    version,
    commit: gitCommit,
    components: [...parts, { name: 'node', version: process.version }],
    kernel: facts.kernel,
    root: config.root,
    snapshotter: facts.snapshotter,
    cgroupDriver: facts.cgroupDriver,
    cgroupVersion: facts.cgroupVersion,
    securityOptions: [
      ...(facts.apparmor ? ['name=apparmor'] : []),
      ...(facts.seccomp ? ['name=seccomp,profile=builtin'] : []),
    ],
    runtimes: { runc: 'runc', ...config.runtimes },
    cdiSpecDirs: config.cdiSpecDirs,
    bridge: { name: bridge.name, cidr: bridge.cidr },
    counts: async () => ({ ...containers.counts(), images: (await images.list({ all: false, filters: {} })).length }),
    children: () => children.map((child) => ({ name: child.name, state: child.state.kind })),
  };
}
