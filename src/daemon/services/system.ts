/** k3c.v1.System: what this daemon is and what it runs on. */
import { readFile } from 'node:fs/promises';
import { arch, cpus, hostname, totalmem } from 'node:os';
import type { SystemDefinition } from '../../api/gen/k3c.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import type { EventBus } from '../engine/events/bus.ts';
import { type StorageEngine, storageHandlers } from './disk-usage.ts';
import { sendEvents } from './events.ts';

/** What the composition root knows and the service reports. */
export interface SystemFacts {
  readonly version: string;
  readonly commit: string;
  /** Bundled parts and their versions. */
  readonly components: readonly { readonly name: string; readonly version: string }[];
  readonly kernel: string;
  readonly root: string;
  readonly snapshotter: string;
  readonly cgroupDriver: string;
  readonly cgroupVersion: number;
  readonly securityOptions: readonly string[];
  /** What --runtime takes: paths by name. */
  readonly runtimes: Readonly<Record<string, string>>;
  readonly cdiSpecDirs: readonly string[];
  readonly bridge: { readonly name: string; readonly cidr: string };
  /** Asked anew at every call. */
  readonly counts: () => Promise<{
    readonly running: number;
    readonly paused: number;
    readonly stopped: number;
    readonly images: number;
  }>;
  readonly children: () => readonly { readonly name: string; readonly state: string }[];
}

/** The version of the API: the newest k3c.v1 message set this daemon speaks. */
const API_VERSION = '1.0';

/** Go's names of processor architectures, which images and users go by. */
const goArch: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export function systemService(
  facts: SystemFacts,
  events: EventBus,
  storage: StorageEngine,
): Handlers<typeof SystemDefinition> {
  return {
    ...storageHandlers(storage),
    ping: () => Promise.resolve({}),
    version: () =>
      Promise.resolve({
        version: facts.version,
        gitCommit: facts.commit,
        apiVersion: API_VERSION,
        os: 'linux',
        arch: goArch[arch()] ?? arch(),
        kernel: facts.kernel,
        components: facts.components.map(({ name, version }) => ({ name, version })),
      }),
    info: async () => ({ document: Buffer.from(JSON.stringify(await infoDocument(facts))) }),
    events: (request, call) => sendEvents(events, request, call),
  };
}

/** docker's Info (GET /info), as far as it applies here, with k3c's own facts under K3c. */
async function infoDocument(facts: SystemFacts): Promise<Record<string, unknown>> {
  const counts = await facts.counts();
  return {
    Name: hostname(),
    ServerVersion: facts.version,
    Containers: counts.running + counts.paused + counts.stopped,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: counts.images,
    Driver: facts.snapshotter,
    CgroupDriver: facts.cgroupDriver,
    CgroupVersion: String(facts.cgroupVersion),
    KernelVersion: facts.kernel,
    OperatingSystem: await prettyName(),
    OSType: 'linux',
    Architecture: goArch[arch()] ?? arch(),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    DockerRootDir: facts.root,
    SecurityOptions: facts.securityOptions,
    Runtimes: Object.fromEntries(Object.entries(facts.runtimes).map(([name, path]) => [name, { path }])),
    DefaultRuntime: 'runc',
    CDISpecDirs: facts.cdiSpecDirs,
    K3c: { Components: facts.components, Children: facts.children(), Bridge: facts.bridge, Namespace: 'k8s.io' },
  };
}

/** The distribution's name for people (os-release(5)). */
async function prettyName(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^PRETTY_NAME="?(.*?)"?$/m.exec(text)?.[1] ?? 'Linux';
}
