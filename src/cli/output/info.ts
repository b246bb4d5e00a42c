/** docker's layout of `info`. What the daemon does not tell has no line. */
import { version } from '../../api/version.ts';
import { binarySize } from './units.ts';

/** docker's Info (GET /info), as far as it applies. */
export interface InfoDocument {
  readonly Containers?: number;
  readonly ContainersRunning?: number;
  readonly ContainersPaused?: number;
  readonly ContainersStopped?: number;
  readonly Images?: number;
  readonly ServerVersion?: string;
  readonly Driver?: string;
  readonly CgroupDriver?: string;
  readonly CgroupVersion?: string;
  readonly KernelVersion?: string;
  readonly OperatingSystem?: string;
  readonly OSType?: string;
  readonly Architecture?: string;
  readonly NCPU?: number;
  readonly MemTotal?: number;
  readonly Name?: string;
  readonly ID?: string;
  readonly DockerRootDir?: string;
  readonly SecurityOptions?: readonly string[];
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  readonly DefaultRuntime?: string;
  readonly CDISpecDirs?: readonly string[];
  readonly Warnings?: readonly string[];
  readonly K3c?: {
    readonly Components?: readonly { readonly name: string; readonly version: string }[];
    readonly Children?: readonly { readonly name: string; readonly state: string }[];
    readonly Bridge?: { readonly name: string; readonly cidr: string };
    readonly Namespace?: string;
  };
}

/** The client's part. */
export function clientInfo(address: string): string {
  return ` Version:    ${version}\n Address:    ${address}\n`;
}

/** The daemon's part. */
export function infoText(info: InfoDocument): string {
  const lines: string[] = [];
  const add = (label: string, value: string | number | undefined) => {
    if (value !== undefined && value !== '') lines.push(`${label}: ${value}`);
  };
  add(' Containers', info.Containers);
  add('  Running', info.ContainersRunning);
  add('  Paused', info.ContainersPaused);
  add('  Stopped', info.ContainersStopped);
  add(' Images', info.Images);
  add(' Server Version', info.ServerVersion);
  add(' Storage Driver', info.Driver);
  add(' Cgroup Driver', info.CgroupDriver);
  add(' Cgroup Version', info.CgroupVersion);
  add(' Namespace', info.K3c?.Namespace);
  const { Bridge: bridge } = info.K3c ?? {};
  if (bridge !== undefined) add(' Bridge', `${bridge.name} ${bridge.cidr}`);
  for (const { name, version: part } of info.K3c?.Components ?? []) add(` ${name} version`, part);
  for (const { name, state } of info.K3c?.Children ?? []) add(` ${name}`, state);
  if ((info.CDISpecDirs?.length ?? 0) > 0)
    lines.push(' CDI spec directories:', ...(info.CDISpecDirs ?? []).map((directory) => `  ${directory}`));
  add(
    ' Runtimes',
    Object.keys(info.Runtimes ?? {})
      .sort()
      .join(' '),
  );
  add(' Default Runtime', info.DefaultRuntime);
  if ((info.SecurityOptions?.length ?? 0) > 0) {
    lines.push(' Security Options:');
    for (const option of info.SecurityOptions ?? []) lines.push(...securityLines(option));
  }
  add(' Kernel Version', info.KernelVersion);
  add(' Operating System', info.OperatingSystem);
  add(' OSType', info.OSType);
  add(' Architecture', info.Architecture);
  add(' CPUs', info.NCPU);
  add(' Total Memory', info.MemTotal === undefined ? undefined : binarySize(info.MemTotal));
  add(' Name', info.Name);
  add(' ID', info.ID);
  add(' K3c Root Dir', info.DockerRootDir);
  return `${lines.join('\n')}\n`;
}

/** `name=seccomp,profile=builtin` as two lines. */
function securityLines(option: string): string[] {
  const pairs = option.split(',').map((pair) => pair.split('=', 2));
  const name = pairs.find(([key]) => key === 'name')?.[1] ?? option;
  const profile = pairs.find(([key]) => key === 'profile')?.[1];
  return profile === undefined ? [`  ${name}`] : [`  ${name}`, `   Profile: ${profile}`];
}
