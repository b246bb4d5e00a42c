/**
 * A real containerd and buildkitd for integration tests, in a root and state directory of the test's own. Everything they
 * make outside of their directories (shims, containers, mounts, cgroups, the bridge) is taken away by `stop`.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connectBuildkitd } from '../../src/daemon/backends/buildkitd.ts';
import { connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { buildkitConfig, cniConfig, containerdConfig } from './engine-config.ts';
import { writeBusyboxImage } from './image.ts';
import { killTasks, unmountUnder } from './sweep.ts';

const run = promisify(execFile);
const BIN = join(import.meta.dirname, '../../vendor-bin/bin');

export interface EngineOptions {
  /** Where images, layers and build cache go. Made when missing; removing it after `stop` is the caller's. */
  readonly root: string;
  /** Sockets and runtime state. Keep it short: a socket path has 107 bytes. */
  readonly state: string;
  /** Pods get an interface on this bridge. Without it only pods on the host's network can run. */
  readonly bridge?: { readonly name: string; readonly subnet: string };
  /** containerd alone starts in half the time. Default true. */
  readonly buildkit?: boolean;
}

export interface Engine {
  readonly containerdSocket: string;
  readonly buildkitdSocket: string;
  /** Where the logs are: containerd.log and buildkitd.log. */
  readonly logs: string;
  /** Process ids now; undefined while stopped. */
  readonly pids: { readonly containerd: number | undefined; readonly buildkitd: number | undefined };
  /** Sends SIGKILL to a child and waits until it is gone. Containers go on. */
  kill(child: 'containerd' | 'buildkitd'): Promise<void>;
  /** Starts a killed child again and waits until it answers. */
  start(child: 'containerd' | 'buildkitd'): Promise<void>;
  /** Runs ctr, buildctl or buildx; rejects on a non-zero exit code with its stderr in the message. */
  tool(name: 'ctr' | 'buildctl' | 'buildx', args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string>;
  /** Stops children, shims and containers and unmounts all that is mounted below root and state. */
  stop(): Promise<void>;
}

/** The image that startEngine imports: busybox with its applets in /bin; also the pause image of its pods. */
export const BUSYBOX_IMAGE = 'docker.io/library/busybox:test';

/** The path of a built binary, for tests that spawn one themselves. */
export function toolPath(name: 'ctr' | 'buildctl' | 'buildx' | 'one-channel' | 'runc'): string {
  return name === 'runc' ? join(BIN, name) : join(BIN, 'test', name);
}

/** Starts both daemons, waits until they answer, and imports BUSYBOX_IMAGE. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { root, state } = options;
  await access(join(BIN, 'containerd'));
  const paths = {
    root,
    state,
    bin: BIN,
    containerdSocket: join(state, 'containerd.sock'),
    buildkitdSocket: join(state, 'buildkitd.sock'),
    cniConfDir: join(state, 'cni/net.d'),
    pauseImage: BUSYBOX_IMAGE,
  };
  for (const path of [root, state, paths.cniConfDir]) await mkdir(path, { recursive: true });
  await writeFile(join(state, 'containerd.toml'), containerdConfig(paths));
  await writeFile(join(state, 'buildkitd.toml'), buildkitConfig(paths));
  if (options.bridge) await writeFile(join(paths.cniConfDir, '10-test.conflist'), cniConfig(paths, options.bridge));

  const children = new Map<string, ChildProcess>();
  const launch = (name: 'containerd' | 'buildkitd') => {
    const log = openSync(join(root, `${name}.log`), 'a');
    const child = spawn(join(BIN, name), ['--config', join(state, `${name}.toml`)], {
      stdio: ['ignore', log, log],
      env: { PATH: `${BIN}:${process.env['PATH'] ?? ''}`, HOME: root },
    });
    closeSync(log);
    children.set(name, child);
    child.once('exit', () => {
      if (children.get(name) === child) children.delete(name);
    });
  };
  const end = async (name: string, signal: NodeJS.Signals) => {
    const child = children.get(name);
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(late);
  };
  const start = async (name: 'containerd' | 'buildkitd') => {
    launch(name);
    await answers(name, paths, () => children.has(name), join(root, `${name}.log`));
  };

  const engine: Engine = {
    containerdSocket: paths.containerdSocket,
    buildkitdSocket: paths.buildkitdSocket,
    logs: root,
    get pids() {
      return { containerd: children.get('containerd')?.pid, buildkitd: children.get('buildkitd')?.pid };
    },
    kill: (name) => end(name, 'SIGKILL'),
    start,
    tool: async (name, args, env) => {
      const { stdout } = await run(toolPath(name), [...args], {
        env: { ...process.env, HOME: root, ...env },
        maxBuffer: 64 << 20,
      });
      return stdout;
    },
    stop: async () => {
      await end('buildkitd', 'SIGTERM');
      await end('containerd', 'SIGTERM');
      await killTasks(state, join(BIN, 'runc'));
      await unmountUnder([root, state]);
      if (options.bridge) {
        await run('ip', ['link', 'del', options.bridge.name]).catch(() => {
          // No pod was run, so there is no bridge.
        });
      }
    },
  };
  try {
    await start('containerd');
    const archive = await writeBusyboxImage(root, BUSYBOX_IMAGE);
    await engine.tool('ctr', ['-a', paths.containerdSocket, '-n', 'k8s.io', 'images', 'import', archive]);
    if (options.buildkit !== false) await start('buildkitd');
    return engine;
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

/** Waits up to 30 s until an RPC is answered; says the last lines of the log when the child died or never did. */
async function answers(
  name: 'containerd' | 'buildkitd',
  paths: { containerdSocket: string; buildkitdSocket: string },
  alive: () => boolean,
  log: string,
): Promise<void> {
  const deadline = Date.now() + 30_000;
  const containerd = connectContainerd(paths.containerdSocket);
  const buildkitd = connectBuildkitd(paths.buildkitdSocket);
  try {
    for (;;) {
      try {
        if (name === 'containerd') await containerd.cri.status({}, { timeoutMs: 2000 });
        else await buildkitd.control.listWorkers({}, { timeoutMs: 2000 });
        return;
      } catch (error) {
        if (alive() && Date.now() < deadline) {
          await sleep(50);
          continue;
        }
        const tail = (await readFile(log, 'utf8')).split('\n').slice(-15).join('\n');
        throw new Error(`${name} does not answer: ${String(error)}\n${tail}`);
      }
    }
  } finally {
    containerd.close();
    buildkitd.close();
  }
}
