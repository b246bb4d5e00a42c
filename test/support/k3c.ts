/** A daemon of the packaged binary for one test file, with its own root, state, bridge and socket, and what runs against it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../src/daemon/state/database.ts';
import { binary, type Result, run } from './binary.ts';
import { toolPath } from './engine.ts';
import { writeBusyboxImage } from './image.ts';
import { bridgeOf, leftovers } from './leftovers.ts';
import { killTasks, processesWith, removeCgroupTree, unmountUnder } from './sweep.ts';

export interface RunOptions {
  readonly stdin?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Whether it is done by a process of its own, and not by the warm daemon on behalf of the launcher. */
  readonly direct?: boolean;
}

export interface Daemon {
  readonly root: string;
  readonly state: string;
  /** The socket. */
  readonly address: string;
  /** A directory for the test's own files. */
  readonly directory: string;
  readonly bridge: string;
  /** The flags that it was started with. */
  readonly flags: readonly string[];
  /** The daemon's process; undefined while it does not run. */
  readonly pid: number | undefined;
  /** Ends the daemon with a signal and waits until it is gone; containers stay as they are. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Starts a daemon that has ended again, and waits until it serves. */
  start(): Promise<void>;
  /** Runs a command line against the daemon to its end. */
  k3c(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** The same, for commands that must succeed: returns what they printed, without the last line's end. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts a command line and leaves it running, its streams open. The test ends it. */
  spawn(args: readonly string[], options?: RunOptions): ChildProcess;
  /** All that the daemon has logged. */
  log(): string;
  /** Removes every container, ends the daemon, and fails when anything of it is left. Safe to call twice. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  /** More flags for `k3c daemon`. */
  readonly flags?: readonly string[];
  /** A command line that the daemon's is appended to (`unshare -n`); it must not fork. */
  readonly wrapper?: readonly string[];
  /** Whether to import the image `busybox:latest`; it has the host's static busybox and its applets. */
  readonly busybox?: boolean;
}

/**
 * Starts a daemon and waits until it serves. Whoever starts it stops it: `after(() => daemon.stop())` beside the `before` of a
 * file, `t.after` in a test.
 */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-e2e-'));
  const root = join(directory, 'root');
  const state = join(directory, 'state');
  const address = join(state, 'k3c.sock');
  const bridge = `k3ce${randomInt(0x10_00_00).toString(16)}`;
  const flags = [
    '--root',
    root,
    '--state',
    state,
    '--bridge-name',
    bridge,
    '--log-format',
    'json',
    ...(options.flags ?? []),
  ];
  let log = '';
  const launch = () => {
    // Settings of whoever runs the tests (K3C_ADDRESS …) are not this daemon's.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('K3C_')));
    const [program = binary, ...words] = [...(options.wrapper ?? []), binary, 'daemon', ...flags];
    const started = spawn(program, words, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    started.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    return started;
  };
  let child = launch();
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const end = async (signal: NodeJS.Signals) => {
    if (!isRunning()) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await exited;
    clearTimeout(late);
  };
  const environment = (extra: RunOptions['env']) => ({ ...process.env, ...extra, K3C_ADDRESS: address });
  // A flag before the command keeps it from the front door: it is done by a process of its own.
  const words = (args: readonly string[], direct = false) => (direct ? ['-H', address, ...args] : args);
  const k3c: Daemon['k3c'] = (args, { stdin, env, cwd, direct } = {}) =>
    run(binary, words(args, direct), {
      input: stdin ?? '',
      env: environment(env),
      ...(cwd === undefined ? {} : { cwd }),
    });

  let stopping: Promise<void> | undefined;
  const daemon: Daemon = {
    root,
    state,
    address,
    directory,
    bridge,
    flags,
    get pid() {
      return isRunning() ? child.pid : undefined;
    },
    end,
    async start() {
      child = launch();
      await ready(daemon, child);
    },
    k3c,
    async ok(args, runOptions) {
      const result = await k3c(args, runOptions);
      if (result.code !== 0) throw new Error(`k3c ${args.join(' ')}: exit ${result.code}: ${result.stderr}`);
      return result.stdout.replace(/\n$/, '');
    },
    spawn: (args, { env, cwd, direct } = {}) =>
      spawn(binary, words(args, direct), {
        env: environment(env),
        ...(cwd === undefined ? {} : { cwd }),
        stdio: 'pipe',
      }),
    log: () => log,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };

  async function stop(): Promise<void> {
    let left: readonly string[] = [];
    let networks: readonly string[] = [];
    if (isRunning()) {
      const { stdout } = await k3c(['ps', '-aq', '--no-trunc']);
      const ids = stdout.split('\n').filter((id) => id !== '');
      if (ids.length > 0) await k3c(['rm', '-f', '-v', ...ids]);
      const networkIds = (await k3c(['network', 'ls', '-q', '--no-trunc', '-f', 'type=custom'])).stdout.split('\n');
      networks = networkIds.filter((id) => id !== '').map(bridgeOf);
      await end('SIGTERM');
      left = await leftovers({ directory, bridge, networks });
    } else networks = networksOf(join(root, 'k3c.db'));
    // What a daemon that did not end well leaves behind.
    await killTasks(state, toolPath('runc'));
    for (const pid of await processesWith([directory])) {
      if (pid === process.pid) continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    for (const name of [bridge, ...networks]) await run('ip', ['link', 'delete', name]);
    await unmountUnder([directory]);
    for (const family of ['ip', 'ip6']) await run('nft', ['delete', 'table', family, `k3c_${bridge}`]);
    await removeCgroupTree(`k3c-${bridge}`);
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    if (left.length > 0)
      throw new Error(`the daemon left behind:\n${left.join('\n')}\nIts log:\n${log.slice(-20_000)}`);
  }

  try {
    await ready(daemon, child);
    if (options.busybox !== false) {
      const archive = await writeBusyboxImage(directory, 'docker.io/library/busybox:latest');
      await daemon.ok(['load', '-q', '-i', archive]);
    }
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

/** The bridges of networks that a daemon which is gone has in its database. */
function networksOf(database: string): string[] {
  if (!existsSync(database)) return [];
  const state = openDatabase(database);
  try {
    return state.networks.list().map(({ id }) => bridgeOf(id));
  } finally {
    state.close();
  }
}

async function ready(daemon: Daemon, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the daemon ended:\n${daemon.log()}`);
    if ((await daemon.k3c(['version'])).code === 0) return;
    await sleep(100);
  }
  throw new Error(`the daemon does not serve:\n${daemon.log()}`);
}
