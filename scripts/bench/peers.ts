/** Who is measured: k3c's daemon and, where they are installed, dockerd and podman, each on a root of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Peer {
  readonly name: string;
  /** A command line that speaks to this peer. */
  readonly cli: (...args: readonly string[]) => string[];
  /** Builds an image; undefined where the peer has no builder worth comparing. */
  readonly canBuild: boolean;
  readonly pid?: number | undefined;
  stop(): Promise<void>;
}

export interface K3cPeer extends Peer {
  readonly state: string;
  /** From the start to the first answer. */
  readonly readyMs: number;
  /** Ends the daemon, containers stay, and starts it again: milliseconds from the start to the first answer. */
  restart(): Promise<number>;
}

export async function startK3c(project: string, work: string): Promise<K3cPeer> {
  // A copy: a build that replaced the file meanwhile would part the client from its daemon.
  const binary = join(work, 'bin/k3c');
  mkdirSync(join(work, 'bin'));
  copyFileSync(join(project, 'dist/k3c'), binary);
  const state = join(work, 'k');
  const args = [
    'daemon',
    '--root',
    join(work, 'k3c'),
    '--state',
    state,
    '--bridge-name',
    'k3cbench',
    '--bridge-cidr',
    '10.79.0.0/16',
    '--log-level',
    'warn',
  ];
  const socket = join(state, 'k3c.sock');
  const cli = (...words: readonly string[]) => [binary, ...words];
  process.env['K3C_ADDRESS'] = socket;
  const launch = async () => {
    const started = performance.now();
    const launched = spawn(binary, args, { stdio: 'inherit' });
    await until(() => existsSync(socket) && spawnSync(binary, ['version'], { stdio: 'ignore' }).status === 0, launched);
    return { launched, ms: performance.now() - started };
  };
  const { launched, ms } = await launch();
  let daemon = launched;
  return {
    name: 'k3c',
    cli,
    canBuild: true,
    state,
    get pid() {
      return daemon.pid;
    },
    readyMs: ms,
    restart: async () => {
      await end(daemon);
      const again = await launch();
      daemon = again.launched;
      return again.ms;
    },
    stop: () => end(daemon),
  };
}

export async function startDocker(work: string): Promise<Peer | undefined> {
  const dockerd = ['/usr/sbin/dockerd', '/usr/bin/dockerd'].find((path) => existsSync(path));
  if (dockerd === undefined) return undefined;
  const root = join(work, 'docker');
  mkdirSync(root, { recursive: true });
  const socket = `unix://${root}/docker.sock`;
  const daemon = spawn(
    dockerd,
    [
      '--data-root',
      `${root}/data`,
      '--exec-root',
      `${root}/exec`,
      '--pidfile',
      `${root}/pid`,
      '--host',
      socket,
      '--bip',
      '10.78.0.1/16',
      '--storage-driver',
      'overlay2',
      '--log-level',
      'error',
    ],
    { stdio: 'ignore' },
  );
  // The client of the same package, where another one stands before it in PATH.
  const client = existsSync('/usr/bin/docker') ? '/usr/bin/docker' : 'docker';
  const cli = (...words: readonly string[]) => [client, '-H', socket, ...words];
  const [file = '', ...rest] = cli('version');
  await until(() => spawnSync(file, rest, { stdio: 'ignore' }).status === 0, daemon);
  return {
    name: `docker ${version(cli('version', '--format', '{{.Server.Version}}'))}`,
    cli,
    canBuild: true,
    pid: daemon.pid,
    stop: () => end(daemon),
  };
}

/** podman on the runc that k3c carries: Debian's crun refuses hosts with both cgroup versions. */
export function preparePodman(project: string, work: string): Peer | undefined {
  if (!existsSync('/usr/bin/podman')) return undefined;
  const root = join(work, 'podman');
  const global = [
    '--root',
    `${root}/root`,
    '--runroot',
    `${root}/run`,
    '--cgroup-manager',
    'cgroupfs',
    '--log-level',
    'error',
    '--runtime',
    join(project, 'vendor-bin/bin/runc'),
  ];
  const cli = ([verb = '', ...words]: readonly string[]) => [
    '/usr/bin/podman',
    ...global,
    verb,
    // Its default raises limits, which a machine without CAP_SYS_RESOURCE refuses.
    ...(verb === 'run' ? ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'] : []),
    ...words,
  ];
  return {
    name: `podman ${version(cli(['version', '--format', '{{.Client.Version}}']))}`,
    cli: (...words) => cli(words),
    canBuild: false,
    stop: () => Promise.resolve(),
  };
}

function version([file = '', ...args]: readonly string[]): string {
  return spawnSync(file, args, { encoding: 'utf8' }).stdout.trim().replace(/\+.*/, '');
}

async function until(condition: () => boolean, daemon: ChildProcess): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (daemon.exitCode !== null || Date.now() > deadline) throw new Error(`${daemon.spawnfile} did not come up`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null) return;
  const gone = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  await gone;
}
