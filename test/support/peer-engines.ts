/** docker.io and podman on roots of their own, to read what k3c writes and to write what it reads. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './binary.ts';
import { unmountUnder } from './sweep.ts';

export interface PeerEngine {
  /** Runs a command line of its client; fails with what it printed when it does. */
  ok(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

const DOCKERD = '/usr/sbin/dockerd';
const DOCKER = '/usr/bin/docker';
const PODMAN = '/usr/bin/podman';

export const hasDocker = existsSync(DOCKERD) && existsSync(DOCKER);
export const hasPodman = existsSync(PODMAN);

/** A docker daemon without a network, which leaves the host's bridges and rules alone. */
export async function startDocker(directory: string): Promise<PeerEngine> {
  const root = join(directory, 'docker');
  await mkdir(root, { recursive: true });
  const socket = `unix://${root}/docker.sock`;
  const places = ['--data-root', `${root}/data`, '--exec-root', `${root}/exec`, '--pidfile', `${root}/pid`];
  const network = ['--bridge', 'none', '--iptables=false', '--ip6tables=false'];
  const flags = [...places, ...network, '--host', socket, '--storage-driver', 'overlay2', '--log-level', 'error'];
  const daemon = spawn(DOCKERD, flags, { stdio: 'ignore' });
  const stop = async () => {
    if (daemon.exitCode === null && daemon.signalCode === null) {
      const exited = once(daemon, 'exit');
      daemon.kill('SIGTERM');
      await exited;
    }
    await unmountUnder([root]);
  };
  for (let i = 0; (await run(DOCKER, ['-H', socket, 'version'])).code !== 0; i++) {
    if (i < 300 && daemon.exitCode === null) await sleep(100);
    else {
      await stop();
      throw new Error('dockerd does not serve');
    }
  }
  return { ok: (...args) => ok(DOCKER, ['-H', socket, ...args]), stop };
}

/** podman has no daemon: stopping it only takes its mounts away. */
export function podman(directory: string): PeerEngine {
  const root = join(directory, 'podman');
  const places = ['--root', `${root}/root`, '--runroot', `${root}/run`, '--tmpdir', `${root}/tmp`];
  const global = [...places, '--cgroup-manager', 'cgroupfs', '--log-level', 'error'];
  return { ok: (...args) => ok(PODMAN, [...global, ...args]), stop: () => unmountUnder([root]) };
}

async function ok(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${code}: ${stderr}`);
  return stdout.trimEnd();
}
