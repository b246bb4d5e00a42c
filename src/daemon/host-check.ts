/**
 * What only the host can give, looked at once at start. A missing piece that nothing can replace is an error of one
 * sentence with the way out; one that can be replaced is a warning and a choice.
 */
import { access, constants, readFile, statfs } from 'node:fs/promises';
import { Code, K3cError } from '../api/errors.ts';
import type { Log } from '../host/log.ts';
import { runProcess } from '../host/process.ts';
import type { DaemonConfig } from './config.ts';

export interface HostFacts {
  readonly cgroupVersion: 1 | 2;
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  readonly snapshotter: 'overlayfs' | 'native';
  /** CAP_SYS_RESOURCE is missing, so oom_score_adj cannot be lowered. */
  readonly restrictOomScoreAdj: boolean;
  readonly apparmor: boolean;
  readonly seccomp: boolean;
  readonly kernel: string;
}

const CAP_SYS_ADMIN = 21n;
const CAP_SYS_RESOURCE = 24n;
/** f_type of overlayfs (statfs(2)): the kernel does not stack overlayfs upper directories on it. */
const OVERLAYFS_MAGIC = 0x794c7630;
const NEEDED_V1_CONTROLLERS = ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'pids'];

/** Looks at the host. Throws FAILED_PRECONDITION with the first thing that is missing. */
export async function checkHost(config: DaemonConfig, log: Log): Promise<HostFacts> {
  const status = await readFile('/proc/self/status', 'utf8').catch((cause: unknown) => {
    throw missing('cannot read /proc', 'mount it: mount -t proc proc /proc', cause);
  });
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const has = (capability: bigint) => (capabilities & (1n << capability)) !== 0n;
  if (process.geteuid?.() !== 0)
    throw missing('the k3c daemon must run as root', 'run it with sudo, or let the service manager start it');
  if (!has(CAP_SYS_ADMIN))
    throw missing('the k3c daemon lacks CAP_SYS_ADMIN', 'inside a container, run that container privileged');
  for (const namespace of ['pid', 'net', 'mnt', 'uts', 'ipc']) {
    await access(`/proc/self/ns/${namespace}`).catch((cause: unknown) => {
      throw missing(`the kernel has no ${namespace} namespaces`, 'use a kernel built with CONFIG_NAMESPACES', cause);
    });
  }
  for (const [name, path] of Object.entries(config.runtimes))
    await access(path, constants.X_OK).catch((err: unknown) => {
      // It may be installed later; until then only the containers that ask for it fail.
      log.warn({ err, runtime: name }, `the runtime ${name} cannot be used: ${path} is not a program`);
    });
  const cgroupVersion = await cgroups();
  const systemd = await exists('/run/systemd/system');
  return {
    cgroupVersion,
    // On v1 systemd leaves controllers to us; on v2 it owns the tree and must make the scopes.
    cgroupDriver: systemd && cgroupVersion === 2 ? 'systemd' : 'cgroupfs',
    snapshotter: await snapshotter(config, log),
    restrictOomScoreAdj: !has(CAP_SYS_RESOURCE),
    apparmor: await appArmor(),
    seccomp: /^Seccomp:/m.test(status),
    kernel: (await readFile('/proc/sys/kernel/osrelease', 'utf8')).trim(),
  };
}

async function cgroups(): Promise<1 | 2> {
  const available = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8').catch(() => undefined);
  if (available !== undefined) {
    const names = new Set(available.trim().split(' '));
    const absent = ['cpu', 'memory', 'pids'].filter((name) => !names.has(name));
    if (absent.length > 0)
      throw missing(
        `cgroup v2 lacks the controllers ${absent.join(', ')}`,
        'start the daemon where they are delegated (systemd: Delegate=yes)',
      );
    return 2;
  }
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const mounted = new Set<string>();
  for (const line of mounts.split('\n')) {
    const [, , type, options] = line.split(' ');
    if (type === 'cgroup') for (const option of (options ?? '').split(',')) mounted.add(option);
  }
  const absent = NEEDED_V1_CONTROLLERS.filter((name) => !mounted.has(name));
  if (absent.length === NEEDED_V1_CONTROLLERS.length)
    throw missing('no cgroups are mounted', 'mount them: mount -t cgroup2 none /sys/fs/cgroup');
  if (absent.length > 0)
    throw missing(
      `the cgroup v1 controllers ${absent.join(', ')} are not mounted`,
      `mount each: mount -t cgroup -o NAME none /sys/fs/cgroup/NAME`,
    );
  return 1;
}

/** Whether containerd applies profiles here (pkg/apparmor): it loads its own with the host's parser, and leaves all out without one. */
export async function appArmor(root = ''): Promise<boolean> {
  if (process.env['container'] || !(await exists(`${root}/sys/kernel/security/apparmor`))) return false;
  if (!(await exists(`${root}/sbin/apparmor_parser`))) return false;
  const enabled = await readFile(`${root}/sys/module/apparmor/parameters/enabled`, 'utf8').catch(() => 'N');
  return enabled.startsWith('Y');
}

async function snapshotter(config: DaemonConfig, log: Log): Promise<'overlayfs' | 'native'> {
  if (config.snapshotter === 'native') return 'native';
  const why = await overlayMissing(config.root);
  if (why === undefined) return 'overlayfs';
  if (config.snapshotter === 'overlayfs')
    throw missing(`overlayfs cannot be used: ${why}`, 'leave out --snapshotter, or put --root on another file system');
  log.warn(
    { snapshotter: 'native' },
    `overlayfs cannot be used (${why}); every image layer is copied instead, which takes more time and disk space`,
  );
  return 'native';
}

async function overlayMissing(root: string): Promise<string | undefined> {
  const known = async () => /\boverlay$/m.test(await readFile('/proc/filesystems', 'utf8'));
  if (!(await known())) {
    // A module that is not loaded yet is not listed; a host without modprobe has nothing to load.
    await runProcess('modprobe', ['overlay']).catch(() => undefined);
    if (!(await known())) return 'the kernel does not have it';
  }
  return (await statfs(root)).type === OVERLAYFS_MAGIC ? `${root} is itself on overlayfs` : undefined;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function missing(message: string, hint: string, cause?: unknown): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, message, { hint, cause });
}
